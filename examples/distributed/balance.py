#!/usr/bin/env python3
"""Hands TCP connections on, each to one of the addresses behind it that answers.

    balance.py LISTEN=TARGET,TARGET LISTEN=TARGET,TARGET ...

It stands for the load balancer that you have: it does not see into TLS.
"""
import asyncio
import itertools
import sys


def split(address):
    host, _, port = address.rpartition(":")
    return host, int(port)


async def pump(source, sink):
    try:
        while data := await source.read(1 << 16):
            sink.write(data)
            await sink.drain()
    except OSError:
        pass  # one end broke off; the other is told by the end of the connection
    finally:
        sink.close()


def carrier(targets):
    turn = itertools.cycle(range(len(targets)))

    async def carry(reader, writer):
        first = next(turn)
        for target in targets[first:] + targets[:first]:
            try:
                to_reader, to_writer = await asyncio.open_connection(*target)
            except OSError:
                continue  # nobody listens there: stands by, or was killed
            await asyncio.gather(pump(reader, to_writer), pump(to_reader, writer))
            return
        writer.close()

    return carry


async def main(routes):
    servers = []
    for route in routes:
        listen, _, targets = route.partition("=")
        host, port = split(listen)
        servers.append(await asyncio.start_server(carrier([split(t) for t in targets.split(",")]), host, port))
    await asyncio.gather(*(s.serve_forever() for s in servers))


asyncio.run(main(sys.argv[1:]))

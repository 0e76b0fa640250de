#!/usr/bin/python3
"""Drives the hub with a client that no one here wrote: python3-tackerclient.

It takes a VNF package and a VNF through their lives over SOL005 vnfpkgm and
SOL003 vnflcm, and asks for what must be refused. The client speaks an older
edition; Session bridges what docs/interop.md lists, and nothing else.

The harness in internal/e2e sets the environment (SETTINGS says what). Each step
prints a line. The status is 0 when all passed, else 1 with the reason.
"""

import os
import sys
import time
import warnings

from keystoneauth1 import plugin
from keystoneauth1 import session
from tackerclient.common import exceptions
from tackerclient.v1_0 import client

SETTINGS = {
    "MANOWARD_OSMA_URL": "API root of the NFVO, for vnfpkgm",
    "MANOWARD_VNFM_URL": "API root of the VNFM, for vnflcm",
    "MANOWARD_CA_FILE": "PEM file with the CA of both servers",
    "MANOWARD_TOKEN": "access token for the NFVO",
    "MANOWARD_VNFM_TOKEN": "access token for the VNFM",
    "MANOWARD_CSAR": "VNF package to on-board, which the NFVO does not hold yet",
    "MANOWARD_ARTIFACT": "path of a file inside that package",
    "MANOWARD_FLAVOUR_ID": "deployment flavour to instantiate",
    "MANOWARD_SCALE_ASPECT": "scaling aspect of that flavour, with room to scale out once",
    "MANOWARD_CALLBACK_URI": "address that answers 204 to GET and POST",
}
PATIENCE = 120  # seconds that an operation may take
MISSING = "00000000-0000-0000-0000-000000000000"


class Bearer(plugin.BaseAuthPlugin):
    """An endpoint and an access token, without Keystone."""

    def __init__(self, url, token):
        super().__init__()
        self.url, self.token = url.rstrip("/"), token

    def get_headers(self, session, **kwargs):
        return {"Authorization": "Bearer " + self.token}

    def get_token(self, session, **kwargs):
        return self.token

    def get_endpoint(self, session, **kwargs):
        return self.url


class Session(session.Session):
    """Bridges the differences of tackerclient 1.12.0 to SOL005 and SOL003 V3.7.1.

    used says which of them were met, so that one that is gone is seen.
    """

    VERSIONS = {"vnfpkgm": "2.4.0", "vnflcm": "2.3.0"}
    ALL = {"path vnfpkgm/v1", "version missing", "version 2.0.0", "patch as JSON", "artifact as JSON"}
    used = set()

    def request(self, url, method, **kwargs):
        headers = dict(kwargs.get("headers") or {})
        if url.startswith("/vnfpkgm/v1/"):
            self.used.add("path vnfpkgm/v1")
            url = url.replace("/v1/", "/v2/", 1)
        if "Version" not in headers:
            self.used.add("version missing")
        elif headers["Version"] == "2.0.0":
            self.used.add("version 2.0.0")
        headers["Version"] = self.VERSIONS[url.split("/")[1]]
        if method == "PATCH":
            self.used.add("patch as JSON")
            headers["Content-Type"] = "application/merge-patch+json"
        if "/artifacts/" in url:
            self.used.add("artifact as JSON")
            headers["Accept"] = "*/*"
        kwargs["headers"] = headers
        return super().request(url, method, **kwargs)


class Failed(Exception):
    """A step did not do what it should."""


def check(ok, why):
    if not ok:
        raise Failed(why)


def refused(status, call, *args):
    """Asks for what must be refused with that status and a reason."""
    try:
        call(*args)
    except exceptions.TackerClientException as e:
        check(e.status_code == status, f"status {e.status_code} ({e}), want {status}")
        check(str(e), f"status {status} says no reason")
        check("tackerFault" not in str(e), f"the client cannot read the reason of status {status}: {e}")
        return
    raise Failed(f"was done, should be refused with {status}")


def until(what, read):
    """Reads until there is something, which it returns."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        got = read()
        if got is not None:
            return got
        time.sleep(0.1)
    raise Failed(f"{what}: not within {PATIENCE} s")


class Drive:
    def __init__(self, env):
        self.env = env
        self.nfvo = self.connect("MANOWARD_OSMA_URL", "MANOWARD_TOKEN")
        self.vnfm = self.connect("MANOWARD_VNFM_URL", "MANOWARD_VNFM_TOKEN")
        self.steps = 0

    def connect(self, url, token):
        bearer = Bearer(self.env[url], self.env[token])
        return client.Client(api_version="2", session=Session(auth=bearer, verify=self.env["MANOWARD_CA_FILE"], timeout=30))

    def refused_download(self, status, call, *args):
        """A refused download leaves the client expecting files, so it gets one of its own."""
        refused(status, getattr(self.connect("MANOWARD_OSMA_URL", "MANOWARD_TOKEN"), call), *args)

    def step(self, what):
        self.steps += 1
        print("ok", what, flush=True)

    def run(self):
        self.versions()
        package, vnfd = self.onboard()
        self.read_package(package)
        self.subscribe()
        vnf = self.create(vnfd)
        for task in (self.instantiate, self.rename, self.scale, self.heal):
            self.refuse_ended(task(vnf))
        self.terminate(vnf)
        self.drop(package)
        left = Session.ALL - Session.used
        check(not left, f"differences that were not met: {left}; take them off the list")

    # Packages

    def onboard(self):
        p = self.nfvo.create_vnf_package({"userDefinedData": {"from": "tackerclient"}})
        check(p["onboardingState"] == "CREATED", f"a new package is {p['onboardingState']}")
        self.step("create VNF package")
        refused(404, self.nfvo.show_vnf_package, MISSING)
        self.refused_download(409, "download_vnf_package", p["id"])
        self.step("refuse a missing package, and content before upload")
        with open(self.env["MANOWARD_CSAR"], "rb") as f:
            self.nfvo.upload_vnf_package(p["id"], file_data=f)

        def ended():
            now = self.nfvo.show_vnf_package(p["id"])
            check(now["onboardingState"] != "ERROR", f"on-boarding failed: {now.get('onboardingFailureDetails')}")
            return now if now["onboardingState"] == "ONBOARDED" else None

        info = until("on-boarding", ended)
        self.step("upload VNF package")
        return p["id"], info["vnfdId"]

    def read_package(self, package):
        ids = [p["id"] for p in self.nfvo.list_vnf_packages()["vnf_packages"]]
        check(package in ids, f"package {package} is not among {ids}")
        found = self.nfvo.list_vnf_packages(filter=f"(eq,id,{package})")["vnf_packages"]
        check([p["id"] for p in found] == [package], f"the filter finds {found}")
        self.step("list and filter VNF packages")
        with open(self.env["MANOWARD_CSAR"], "rb") as f:
            check(self.nfvo.download_vnf_package(package) == f.read(), "the content is not what was uploaded")
        self.step("download VNF package")
        check(self.nfvo.download_vnfd_from_vnf_package(package, "application/zip")[:2] == b"PK", "the VNFD is no ZIP")
        check(self.nfvo.download_artifact_from_vnf_package(package, self.env["MANOWARD_ARTIFACT"]), "the artifact is empty")
        self.refused_download(404, "download_artifact_from_vnf_package", package, "no/such/file")
        self.step("download VNFD and artifact")
        new = self.nfvo.update_vnf_package(package, {"userDefinedData": {"from": "tackerclient", "seen": "yes"}})
        check(new["userDefinedData"]["seen"] == "yes", f"the update answers {new}")
        self.step("update VNF package")

    def drop(self, package):
        refused(409, self.nfvo.delete_vnf_package, package)
        self.nfvo.update_vnf_package(package, {"operationalState": "DISABLED"})
        check(self.nfvo.show_vnf_package(package)["operationalState"] == "DISABLED", "the package is not disabled")
        # The NFVO hears from the VNFM that the package is no longer used.
        until("end of use", lambda: self.nfvo.show_vnf_package(package)["usageState"] == "NOT_IN_USE" or None)
        self.nfvo.delete_vnf_package(package)
        refused(404, self.nfvo.show_vnf_package, package)
        self.step("disable and delete VNF package")

    # VNF life cycle

    def versions(self):
        have = [v["version"] for v in self.vnfm.show_vnf_lcm_versions("v2")["apiVersions"]]
        check(any(v.startswith("2.3.0") for v in have), f"vnflcm versions {have}")
        check(self.vnfm.show_vnf_lcm_versions(None)["apiVersions"], "no version of vnflcm")
        self.step("show vnflcm versions")

    def subscribe(self):
        made = self.vnfm.create_lccn_subscription({
            "filter": {"notificationTypes": ["VnfLcmOperationOccurrenceNotification"]},
            "callbackUri": self.env["MANOWARD_CALLBACK_URI"],
        })
        id = made["id"]
        check(self.vnfm.show_lccn_subscription(id)["callbackUri"] == made["callbackUri"], "the subscription reads differently")
        check(id in [s["id"] for s in self.vnfm.list_lccn_subscriptions()], "the subscription is not in the list")
        self.vnfm.delete_lccn_subscription(id)
        refused(404, self.vnfm.show_lccn_subscription, id)
        self.step("create, show, list and delete a subscription")

    def create(self, vnfd):
        vnf = self.vnfm.create_vnf_instance({"vnfdId": vnfd, "vnfInstanceName": "interop-tacker"})
        check(vnf["instantiationState"] == "NOT_INSTANTIATED", f"a new VNF is {vnf['instantiationState']}")
        id = vnf["id"]
        check(id in [v["id"] for v in self.vnfm.list_vnf_instances()], "the VNF is not in the list")
        check([v["id"] for v in self.vnfm.list_vnf_instances(filter=f"(eq,id,{id})")] == [id], "the filter does not find the VNF")
        self.step("create and list VNF instance")
        refused(404, self.vnfm.show_vnf_instance, MISSING)
        refused(409, self.vnfm.terminate_vnf_instance, id, {"terminationType": "FORCEFUL"})
        refused(404, self.vnfm.show_vnf_lcm_op_occs, MISSING)
        self.step("refuse a missing VNF, an early terminate, a missing operation")
        return id

    def ended(self, vnf, kind):
        """Waits for the newest operation on the VNF. The client hides Location."""

        def completed():
            ops = self.vnfm.list_vnf_lcm_op_occs(filter=f"(eq,vnfInstanceId,{vnf})")
            op = max((o for o in ops if o["operation"] == kind), key=lambda o: o["startTime"])
            op = self.vnfm.show_vnf_lcm_op_occs(op["id"])
            if op["operationState"] in ("STARTING", "PROCESSING"):
                return None
            check(op["operationState"] == "COMPLETED", f"{kind} ended as {op['operationState']}: {op.get('error')}")
            return op["id"]

        return until(kind, completed)

    def instantiate(self, vnf):
        self.vnfm.instantiate_vnf_instance(vnf, {"flavourId": self.env["MANOWARD_FLAVOUR_ID"]})
        op = self.ended(vnf, "INSTANTIATE")
        check(self.vnfm.show_vnf_instance(vnf)["instantiationState"] == "INSTANTIATED", "the VNF is not instantiated")
        refused(409, self.vnfm.delete_vnf_instance, vnf)
        refused(409, self.vnfm.instantiate_vnf_instance, vnf, {"flavourId": self.env["MANOWARD_FLAVOUR_ID"]})
        self.step("instantiate VNF")
        return op

    def rename(self, vnf):
        self.vnfm.update_vnf_instance(vnf, {"vnfInstanceName": "interop-tacker-2"})
        op = self.ended(vnf, "MODIFY_INFO")
        check(self.vnfm.show_vnf_instance(vnf)["vnfInstanceName"] == "interop-tacker-2", "the VNF has its old name")
        self.step("update VNF")
        return op

    def scale(self, vnf):
        self.vnfm.scale_vnf_instance(vnf, {"type": "SCALE_OUT", "aspectId": self.env["MANOWARD_SCALE_ASPECT"], "numberOfSteps": 1})
        op = self.ended(vnf, "SCALE")
        self.step("scale VNF")
        return op

    def heal(self, vnf):
        self.vnfm.heal_vnf_instance(vnf, {"cause": "interop"})
        op = self.ended(vnf, "HEAL")
        self.step("heal VNF")
        return op

    def refuse_ended(self, op):
        """An operation that has ended can be neither undone nor repeated."""
        refused(409, self.vnfm.rollback_vnf_instance, op)
        refused(409, self.vnfm.retry_vnf_instance, op)
        refused(409, self.vnfm.fail_vnf_instance, op)
        refused(409, self.vnfm.cancel_vnf_instance, op, {"cancelMode": "FORCEFUL"})
        self.step("refuse rollback, retry, fail and cancel of an operation that has ended")

    def terminate(self, vnf):
        self.vnfm.terminate_vnf_instance(vnf, {"terminationType": "FORCEFUL"})
        self.ended(vnf, "TERMINATE")
        self.vnfm.delete_vnf_instance(vnf)
        refused(404, self.vnfm.show_vnf_instance, vnf)
        self.step("terminate and delete VNF")


def main():
    absent = [f"{name}: {what}" for name, what in SETTINGS.items() if not os.environ.get(name)]
    if absent:
        print("not set; `make interop` sets them:\n  " + "\n  ".join(absent), file=sys.stderr)
        return 1
    warnings.simplefilter("ignore", DeprecationWarning)  # of keystoneclient, inside tackerclient
    drive = Drive(os.environ)
    try:
        drive.run()
    except (Failed, exceptions.TackerException) as e:
        print(f"failed after {drive.steps} steps: {e}", file=sys.stderr)
        raise SystemExit(1) from e
    print(f"{drive.steps} passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())

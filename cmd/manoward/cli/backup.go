package cli

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/hub"
)

// Backup is what an archive of a data directory holds.
type Backup struct {
	File      string    `json:"file,omitempty"`   // none on standard output
	SHA256    string    `json:"sha256,omitempty"` // of the archive, hexadecimal
	Made      time.Time `json:"made"`
	Program   string    `json:"program"` // version of the manoward that made it
	Format    string    `json:"format"`  // of the data directory
	Files     int       `json:"files"`
	Size      int64     `json:"size"`      // of the files, in bytes
	UnlockKey bool      `json:"unlockKey"` // it holds the key that opens every secret in it
	Records   bool      `json:"records"`   // it holds records and state; else they are on an external cluster
}

// BackupOptions say how an archive is made.
type BackupOptions struct {
	Program          string // version of this program
	WithoutUnlockKey bool   // leave out what is secret and not sealed
}

func (p *program) backup() *cobra.Command {
	var flags hubFlags
	opts := BackupOptions{Program: p.Version.Version}
	c := &cobra.Command{
		Use:   "backup FILE",
		Short: "Put the data directory of a stopped hub in one archive",
		Long: `Puts the data directory of a hub that does not run in one file, with a checksum of
every file in it. A hub that runs is refused: stop it first, or take a snapshot of
its file system, which is whole as after a power cut, and name that with --data.

The archive holds every secret of the hub, and the unlock key that opens them when
it lies in the data directory: keep it as you keep the hub. --without-unlock-key
leaves out that key and the operator's context; what is secret is sealed then.
Keys in PKCS#11 tokens, and the streams of an external NATS cluster, are not in it.

FILE is made with mode 0600 and never replaced; - is standard output. Keep the SHA-256
that is printed elsewhere than the archive: it shows whether somebody altered it.`,
		Example: `  manoward backup manoward.tar --data /var/lib/manoward
  manoward backup - --data /var/lib/manoward | age -r age1... > manoward.tar.age`,
		Args: exactly("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := flags.load(c, p.Environ)
			if err != nil {
				return err
			}
			var b Backup
			sum := sha256.New()
			write := func(to io.Writer) (err error) {
				b, err = p.parts.Backup(c.Context(), cfg, opts, io.MultiWriter(to, sum))
				return err
			}
			if args[0] == "-" {
				err = write(p.Stdout)
			} else {
				err = newFile(args[0], write)
			}
			if err != nil {
				return interrupted(c.Context(), "make backup", err)
			}
			b.SHA256 = hex.EncodeToString(sum.Sum(nil))
			p.warnOfBackup(b)
			if args[0] == "-" {
				p.say("%s", b.summary())
				return nil
			}
			b.File = args[0]
			return p.print(b, b.table)
		},
	}
	flags.addOnly(c, "data")
	c.Flags().BoolVar(&opts.WithoutUnlockKey, "without-unlock-key", false, "leave out the unlock key and the operator's context")
	return c
}

// warnOfBackup says what a person may not expect of an archive.
func (p *program) warnOfBackup(b Backup) {
	if b.UnlockKey {
		p.say("the archive holds the unlock key, which opens every secret in it: keep it as you keep the hub, or use --without-unlock-key")
	} else {
		p.say("the archive does not hold the unlock key, and is of no use without it: keep that elsewhere")
	}
	if !b.Records {
		p.say("the archive holds no records and no state: they are on the external cluster; back that up as well")
	}
}

func (b Backup) summary() string {
	return fmt.Sprintf("%d files, %d bytes, SHA-256 %s", b.Files, b.Size, b.SHA256)
}

func (b Backup) table(w io.Writer) {
	if b.File != "" {
		fmt.Fprintf(w, "File\t%s\n", b.File)
	}
	if b.SHA256 != "" {
		fmt.Fprintf(w, "SHA-256\t%s\n", b.SHA256)
	}
	fmt.Fprintf(w, "Made\t%s\nBy\tmanoward %s\nFormat\t%s\nFiles\t%d\nSize\t%d bytes\n", when(b.Made), b.Program, b.Format, b.Files, b.Size)
	fmt.Fprintf(w, "Unlock key\t%s\nRecords\t%s\n", present(b.UnlockKey), present(b.Records))
}

func present(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

func (p *program) restore() *cobra.Command {
	var flags hubFlags
	var check bool
	c := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make a data directory of a backup",
		Long: `Makes the data directory that --data names of a backup. The directory must be empty
or not there. Everything is compared with its checksum before anything is put in its
place: a backup that is damaged, altered or of another version is refused, the file
that is wrong is named, and nothing is left. A hub does not start on a directory
whose restore was cut off.

A restored hub knows nothing of what came after the backup. What to do about that is
in docs/operations.md. - is standard input.`,
		Example: `  manoward restore manoward.tar --data /var/lib/manoward
  manoward restore manoward.tar --check
  age -d -i key.txt manoward.tar.age | manoward restore - --data /var/lib/manoward`,
		Args: exactly("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := flags.load(c, p.Environ)
			if err != nil {
				return err
			}
			in := io.ReadCloser(os.Stdin)
			if args[0] != "-" {
				if in, err = os.Open(args[0]); err != nil {
					return hub.E(hub.Invalid, "read backup", fmt.Sprintf("%s cannot be read: %v", args[0], pathCause(err)), nil)
				}
				defer in.Close()
			}
			from := bufio.NewReaderSize(in, 1<<20)
			if check {
				b, err := p.parts.CheckBackup(c.Context(), from)
				if err != nil {
					return interrupted(c.Context(), "check backup", err)
				}
				return p.print(b, b.table)
			}
			b, err := p.parts.Restore(c.Context(), cfg, from)
			if err != nil {
				return interrupted(c.Context(), "restore backup", err)
			}
			if !b.UnlockKey {
				p.say("the backup has no unlock key: start the hub with --unlock-key and the key that belongs to it")
			}
			return p.print(b, b.table)
		},
	}
	flags.addOnly(c, "data")
	c.Flags().BoolVar(&check, "check", false, "read the backup to its end and compare all of it, and restore nothing")
	return c
}

// interrupted says that a person broke something off, instead of what failed by it.
func interrupted(ctx context.Context, op string, err error) error {
	if ctx.Err() != nil {
		return hub.E(hub.Unavailable, op, "it was broken off, and nothing is left of it", nil)
	}
	return err
}

// newFile makes a file with mode 0600 that is whole or not there, and refuses to
// replace one.
func newFile(path string, write func(io.Writer) error) error {
	const op = "write file"
	if _, err := os.Lstat(path); err == nil {
		return hub.E(hub.Conflict, op, path+" is there already; name another file", nil)
	}
	failed := func(err error) error {
		return hub.E(hub.Unavailable, op, path+" cannot be written; see that its directory is there and writable and that the disk has room", pathCause(err))
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return failed(err)
	}
	defer os.Remove(tmp.Name()) // a no-op once renamed
	out := bufio.NewWriterSize(tmp, 1<<20)
	if err := write(out); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := errors.Join(out.Flush(), tmp.Sync(), tmp.Close()); err != nil {
		return failed(err)
	}
	if err := os.Link(tmp.Name(), path); err != nil { // unlike a rename it replaces nothing
		if errors.Is(err, fs.ErrExist) {
			return hub.E(hub.Conflict, op, path+" is there already; name another file", nil)
		}
		if err := os.Rename(tmp.Name(), path); err != nil { // a file system without links
			return failed(err)
		}
	}
	if err := durable.SyncDir(filepath.Dir(path)); err != nil {
		return failed(err)
	}
	return nil
}

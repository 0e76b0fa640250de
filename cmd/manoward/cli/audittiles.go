package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/journal"
)

func (p *program) auditTiles() *cobra.Command {
	var pack, keys, dir string
	c := &cobra.Command{
		Use:   "tiles",
		Short: "Write the Merkle tree of an evidence pack as static files for other tools",
		Long: `Writes the tree of a pack in the layout of transparency logs (https://c2sp.org/tlog-tiles):
tile/LEVEL/N with hashes, tile/entries/N with entries, and the signed checkpoint. Any
program that knows that layout reads the folder, or a web server of it, and computes the
tree without a line of ours. The pack has to begin with the first record: export it
without --from. A journal that was begun anew has the one before in epoch-N.

Each checkpoint of the pack is held against the tree that is written. Whether the records
are what was sealed, "audit verify --pack" says.`,
		Example: `  manoward audit tiles --pack evidence.tar -f tiles
  manoward audit tiles --pack evidence --keys journal.keys -f tiles -o json`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case pack == "":
				return usage("--pack is missing: name the file or folder that \"manoward audit export\" wrote")
			case dir == "":
				return usage("-f is missing: name a new folder")
			}
			trusted, err := readTrusted(keys, "")
			if err != nil {
				return err
			}
			files, done, err := journal.OpenPack(pack)
			if err != nil {
				return err
			}
			list, err := journal.WriteTiles(c.Context(), dir, files, trusted.of)
			if err = errors.Join(err, done()); err != nil {
				return err
			}
			return p.print(list, func(w io.Writer) {
				fmt.Fprintln(w, "JOURNAL\tENTRIES\tTILES\tFOLDER")
				for _, t := range list {
					fmt.Fprintf(w, "%s\t%d\t%d\t%s\n", t.Origin, t.Size, t.Tiles, dir+"/"+t.Folder)
				}
			})
		},
	}
	c.Flags().StringVar(&pack, "pack", "", "evidence pack from the first record on: a tar file or a folder")
	c.Flags().StringVar(&keys, "keys", "", "file with the lines that \"audit key\" printed, from where you trust it")
	c.Flags().StringVarP(&dir, "file", "f", "", "new folder to write")
	return c
}

package catalogueapi

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/catalogue"
	"github.com/manoward/manoward/mano-core/catalogue/csar"
)

const (
	typeZip  = "application/zip"
	typeText = "text/plain"
)

// getContent serves the package as it was uploaded, whole or in ranges, once the
// digest of the stored file was compared.
func (a *API) getContent(find finder) httpapi.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		p, err := find(r)
		if err != nil {
			return err
		}
		f, p, err := a.Catalogue.OpenContent(r.Context(), p.Kind, p.ID)
		if err != nil {
			return err
		}
		defer f.Close()
		return serve(w, r, typeZip, p.Content.SHA256, p.Time, f)
	}
}

// serve answers with content, or the ranges of it that were asked for (RFC 9110
// clause 14).
func serve(w http.ResponseWriter, r *http.Request, mediaType, tag string, changed time.Time, content io.ReadSeeker) error {
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("ETag", `"`+tag+`"`)
	guard := &rangeGuard{ResponseWriter: w}
	http.ServeContent(guard, r, "", changed, content)
	if !guard.refused {
		return nil
	}
	w.Header().Del("Content-Type")
	w.Header().Del("Content-Length")
	w.Header().Del("ETag")
	err := hub.E(hub.Invalid, "read range", "the Range is not within the content; Content-Range says how long it is", nil)
	return httpapi.WithStatus(err, http.StatusRequestedRangeNotSatisfiable)
}

// rangeGuard holds back the answer of http.ServeContent to a bad range, so that
// it can be given as ProblemDetails.
type rangeGuard struct {
	http.ResponseWriter
	refused bool
}

func (g *rangeGuard) WriteHeader(status int) {
	if status == http.StatusRequestedRangeNotSatisfiable {
		g.refused = true
		return
	}
	g.ResponseWriter.WriteHeader(status)
}

func (g *rangeGuard) Write(p []byte) (int, error) {
	if g.refused {
		return len(p), nil
	}
	return g.ResponseWriter.Write(p)
}

// getDescriptor serves the descriptor: as text when it is one file and the caller
// takes text, else as a ZIP of its files with TOSCA.meta.
func (a *API) getDescriptor(find finder) httpapi.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		p, signatures, err := a.readable(r, find)
		if err != nil {
			return err
		}
		files := p.DescriptorFiles()
		if len(files) == 1 && !signatures && accepts(r, typeText) {
			return a.serveFile(w, r, &p, typeText, files[0])
		}
		if !accepts(r, typeZip) {
			err := hub.E(hub.Invalid, "read descriptor", "the descriptor has several files; accept "+typeZip, nil)
			return httpapi.WithStatus(err, http.StatusNotAcceptable)
		}
		files = slices.Concat(files, typeFiles(&p))
		if _, there := artifactOf(&p, toscaMeta); there {
			files = append(files, toscaMeta)
		}
		return a.serveZip(w, r, &p, withSignatures(&p, files, signatures))
	}
}

const toscaMeta = "TOSCA-Metadata/TOSCA.meta"

// readable finds a package whose files can be read, and reads the query.
func (a *API) readable(r *http.Request, find finder) (p catalogue.Package, signatures bool, err error) {
	q, err := httpapi.ParseQuery(r.URL.RawQuery, "include_signatures")
	if err != nil {
		return p, false, err
	}
	if p, err = find(r); err != nil {
		return p, false, err
	}
	if p.State != catalogue.Onboarded {
		return p, false, hub.E(hub.Conflict, "read package", fmt.Sprintf("the package is %s; its files can be read when it is ONBOARDED", p.State), nil)
	}
	return p, q.Has("include_signatures"), nil
}

// getManifest serves the manifest, which holds its signature itself.
func (a *API) getManifest(find finder) httpapi.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		p, signatures, err := a.readable(r, find)
		if err != nil {
			return err
		}
		if p.Result.Manifest == "" {
			return hub.E(hub.NotFound, "read manifest", "the package has no manifest", nil)
		}
		if accepts(r, typeText) && !signatures {
			return a.serveFile(w, r, &p, typeText, p.Result.Manifest)
		}
		return a.serveZip(w, r, &p, withSignatures(&p, []string{p.Result.Manifest}, signatures))
	}
}

func (a *API) artifact(find finder) httpapi.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		p, signatures, err := a.readable(r, find)
		if err != nil {
			return err
		}
		name := r.PathValue("path")
		if _, there := artifactOf(&p, name); !there {
			return hub.E(hub.NotFound, "read artifact", "the package has no such artifact; its own resource lists them", nil)
		}
		if signatures {
			return a.serveZip(w, r, &p, withSignatures(&p, []string{name}, true))
		}
		return a.serveFile(w, r, &p, mediaTypeOf(name), name)
	}
}

// mediaTypeOf names what an artifact is, as far as its name says. It is never
// something that a browser would run.
func mediaTypeOf(name string) string {
	switch t, _, _ := mime.ParseMediaType(mime.TypeByExtension(path.Ext(name))); t {
	case typeZip, "application/json", "text/plain":
		return t
	}
	return "application/octet-stream"
}

func artifactOf(p *catalogue.Package, name string) (csar.Artifact, bool) {
	i := slices.IndexFunc(p.Result.Artifacts, func(a csar.Artifact) bool { return a.Path == name && !a.External })
	if i < 0 {
		return csar.Artifact{}, false
	}
	return p.Result.Artifacts[i], true
}

// withSignatures adds to files the signatures that they have of their own.
func withSignatures(p *catalogue.Package, files []string, wanted bool) []string {
	out := slices.Clone(files)
	if !wanted {
		return out
	}
	for _, s := range p.Result.Checks.ArtifactSignatures {
		if slices.Contains(files, s.Artifact) && s.Signature != "" && !slices.Contains(out, s.Signature) {
			out = append(out, s.Signature)
		}
	}
	return out
}

// artifacts serves a ZIP of the additional artifacts (SOL 005 clause 9.4.4a).
func (a *API) artifacts(find finder) httpapi.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		q, err := httpapi.ParseQuery(r.URL.RawQuery, "include_signatures", "exclude_all_mano_artifacts", "exclude_all_non_mano_artifacts",
			"select_non_mano_artifact_sets", "include_external_artifacts")
		if err != nil {
			return err
		}
		p, err := find(r)
		if err != nil {
			return err
		}
		if p.State != catalogue.Onboarded {
			return hub.E(hub.Conflict, "read artifacts", fmt.Sprintf("the package is %s; its files can be read when it is ONBOARDED", p.State), nil)
		}
		if q.Has("include_external_artifacts") {
			return hub.E(hub.Invalid, "read artifacts", "artifacts outside of the package are not fetched here; leave include_external_artifacts out", nil)
		}
		var files []string
		for _, artifact := range additional(&p) {
			if !artifact.External && selected(q, artifact.NonMANO) {
				files = append(files, artifact.Path)
			}
		}
		return a.serveZip(w, r, &p, withSignatures(&p, files, q.Has("include_signatures")))
	}
}

func selected(q httpapi.Query, set string) bool {
	if set == "" {
		return !q.Has("exclude_all_mano_artifacts")
	}
	if q.Has("select_non_mano_artifact_sets") {
		return slices.Contains(strings.Split(q.Get("select_non_mano_artifact_sets"), ","), set)
	}
	return !q.Has("exclude_all_non_mano_artifacts")
}

// serveFile serves one file of a package. It is read to its end first, so that
// nothing of an altered one goes out.
func (a *API) serveFile(w http.ResponseWriter, r *http.Request, p *catalogue.Package, mediaType, name string) error {
	if err := a.copyArtifact(r.Context(), io.Discard, p, name); err != nil {
		return err
	}
	file := &seeker{size: 0, open: func() (io.ReadCloser, error) {
		f, _, err := a.Catalogue.Artifact(r.Context(), p.Kind, p.ID, name)
		return f, err
	}}
	artifact, _ := artifactOf(p, name)
	file.size = artifact.Size
	defer file.Close()
	return serve(w, r, mediaType, artifact.Hash, p.Time, file)
}

func (a *API) copyArtifact(ctx context.Context, to io.Writer, p *catalogue.Package, name string) error {
	f, _, err := a.Catalogue.Artifact(ctx, p.Kind, p.ID, name)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.Copy(to, f); err != nil {
		return fmt.Errorf("read artifact: %w", err)
	}
	return nil
}

// serveZip packs files of a package anew and serves the ZIP, whole or in ranges.
func (a *API) serveZip(w http.ResponseWriter, r *http.Request, p *catalogue.Package, files []string) error {
	f, err := os.CreateTemp("", "manoward-artifacts-*.zip")
	if err != nil {
		return fmt.Errorf("pack artifacts: %w", err)
	}
	defer f.Close()
	if err := os.Remove(f.Name()); err != nil { // it lives as long as it is open
		return fmt.Errorf("pack artifacts: %w", err)
	}
	z := zip.NewWriter(f)
	for _, name := range files {
		to, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			return fmt.Errorf("pack artifacts: %w", err)
		}
		if err := a.copyArtifact(r.Context(), to, p, name); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("pack artifacts: %w", err)
	}
	tag := hub.DeriveID(append([]string{p.Content.SHA256}, files...)...) // the same files make the same bytes
	return serve(w, r, typeZip, tag, p.Time, f)
}

// seeker makes a stream that can be opened again look like a file.
type seeker struct {
	open func() (io.ReadCloser, error)
	size int64
	want int64 // position that the next read is from
	at   int64 // position of r
	r    io.ReadCloser
}

func (s *seeker) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += s.want
	case io.SeekEnd:
		offset += s.size
	}
	if offset < 0 {
		return 0, fmt.Errorf("seek before the beginning: %s", strconv.FormatInt(offset, 10))
	}
	s.want = offset
	return offset, nil
}

func (s *seeker) Read(p []byte) (int, error) {
	if s.r == nil || s.at > s.want {
		if err := s.Close(); err != nil {
			return 0, err
		}
		r, err := s.open()
		if err != nil {
			return 0, err
		}
		s.r, s.at = r, 0
	}
	if s.at < s.want {
		n, err := io.CopyN(io.Discard, s.r, s.want-s.at)
		if s.at += n; err != nil {
			return 0, err
		}
	}
	n, err := s.r.Read(p)
	s.at += int64(n)
	s.want = s.at
	return n, err
}

func (s *seeker) Close() error {
	if s.r == nil {
		return nil
	}
	err := s.r.Close()
	s.r = nil
	return err
}

// accepts says whether the caller takes a media type. The mux has refused those
// who take none of a route's.
func accepts(r *http.Request, mediaType string) bool {
	header := strings.Join(r.Header.Values("Accept"), ",")
	if strings.TrimSpace(header) == "" {
		return true
	}
	major, _, _ := strings.Cut(mediaType, "/")
	for part := range strings.SplitSeq(header, ",") {
		t, params, err := mime.ParseMediaType(part)
		if err != nil || (t != "*/*" && t != major+"/*" && t != mediaType) {
			continue
		}
		if q, err := strconv.ParseFloat(params["q"], 64); err == nil && q == 0 {
			continue
		}
		return true
	}
	return false
}

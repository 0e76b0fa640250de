package httpapi

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"

	"github.com/manoward/manoward/internal/hub"
)

// Patch is a JSON merge patch (RFC 7396) of an object.
type Patch map[string]any

// PatchRules says what a patch may change. Paths are names joined by "/".
type PatchRules struct {
	Allowed   []string // if not empty, a patch may touch nothing else: 400
	Immutable []string // may stand in a patch only with the value that they have: 422
}

// DecodePatch reads the body of a PATCH. It must be an object of media type
// application/merge-patch+json (415 otherwise); the bounds of [Decode] hold.
func DecodePatch(r *http.Request) (Patch, error) {
	if err := checkContentType(r, TypeMergePatch); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(r.Body) // bounded by the mux
	if err != nil {
		return nil, readError(err)
	}
	return parsePatch(body)
}

func parsePatch(body []byte) (Patch, error) {
	tree, err := parseTree(body)
	if err != nil {
		return nil, err
	}
	object, ok := tree.(map[string]any)
	if !ok {
		return nil, badBody("a merge patch of a resource is a JSON object", nil)
	}
	return object, nil
}

// ApplyPatch returns current as the patch changes it; current itself is not
// changed. A patch that names an attribute T does not have is refused with 400,
// as is one outside the rules; a result that T cannot hold, too.
func ApplyPatch[T any](current T, p Patch, rules PatchRules) (T, error) {
	var next T
	if err := rules.checkAllowed(p); err != nil {
		return next, err
	}
	if err := checkMembers(map[string]any(p), &next, true); err != nil {
		return next, err
	}
	form, err := jsonForm(current)
	if err != nil {
		return next, hub.E(hub.Internal, "apply patch", "the resource cannot be encoded", err)
	}
	merged := mergePatch(form, map[string]any(p))
	if err := rules.checkImmutable(form, merged); err != nil {
		return next, err
	}
	body, err := json.Marshal(merged)
	if err != nil {
		return next, hub.E(hub.Internal, "apply patch", "the patched resource cannot be encoded", err)
	}
	if err := json.Unmarshal(body, &next); err != nil {
		return *new(T), typeError(err)
	}
	return next, nil
}

// mergePatch is the algorithm of RFC 7396 clause 2. Neither argument is changed.
// It stands here because it is shorter than a call of a library, and the one at
// hand drops null members of objects inside arrays, which the RFC keeps.
func mergePatch(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	result := map[string]any{}
	if object, ok := target.(map[string]any); ok {
		maps.Copy(result, object)
	}
	for name, value := range changes {
		if value == nil {
			delete(result, name)
			continue
		}
		result[name] = mergePatch(result[name], value)
	}
	return result
}

func (rules PatchRules) checkAllowed(p Patch) error {
	if len(rules.Allowed) == 0 {
		return nil
	}
	return checkTouched(p, nil, splitPaths(rules.Allowed))
}

// checkTouched refuses the first path of the patch that is not within allowed.
func checkTouched(object map[string]any, at pathList, allowed []pathList) error {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		path := append(slices.Clone(at), name)
		if slices.ContainsFunc(allowed, path.within) {
			continue
		}
		inner, ok := object[name].(map[string]any)
		if !ok || !slices.ContainsFunc(allowed, path.contains) {
			return badBody(fmt.Sprintf("attribute %q cannot be modified here", clip(path.String())), nil)
		}
		if err := checkTouched(inner, path, allowed); err != nil {
			return err
		}
	}
	return nil
}

func (rules PatchRules) checkImmutable(before, after any) error {
	for _, path := range splitPaths(rules.Immutable) {
		if !reflect.DeepEqual(lookUp(before, path), lookUp(after, path)) {
			text := fmt.Sprintf("attribute %q is fixed once the resource exists; leave it out", path)
			return hub.E(hub.Unprocessable, "apply patch", text, nil)
		}
	}
	return nil
}

// lookUp returns what stands at path, nil if nothing does.
func lookUp(v any, path pathList) any {
	for _, name := range path {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	return v
}

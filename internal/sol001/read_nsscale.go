package sol001

import (
	"cmp"
	"strconv"
)

// nsScaling reads NS instantiation levels and scaling aspects (SOL 001 clause
// 7.10): which levels there are, and how many instances each VNF profile has.
func (p *part) nsScaling(f *NSFlavour) {
	p.nsAspects(f)
	p.nsLevels(f)
	p.policies(func(name, root string, policy *node) {
		switch root {
		case "VnfToInstantiationLevelMapping":
			p.vnfLevels(f, name, policy)
		case "VnfToLevelMapping":
			p.vnfSteps(f, name, policy)
		}
	})
	for name, l := range f.Levels {
		if !p.spend(p.topology, len(f.VNFs)) {
			return
		}
		for id, v := range f.VNFs {
			if _, said := l.Instances[id]; said {
				continue
			}
			l.Instances[id] = 0
			if v.Initial {
				l.Instances[id] = v.Min
			}
		}
		all := 0
		for _, n := range l.Instances {
			all += n
		}
		if all > maxInstances {
			p.fail(p.topology, "the level %s has %d VNF instances and %d are supported; split the NS", clip(name), all, maxInstances)
		}
	}
}

func (p *part) nsLevels(f *NSFlavour) {
	f.Levels = map[string]*NSLevel{}
	p.policies(func(_, root string, policy *node) {
		if root != "NsInstantiationLevels" {
			return
		}
		levels := p.at(policy, "properties", "ns_levels")
		if levels == nil {
			levels = p.at(policy, "properties", "levels")
		}
		for name, l := range levels.named() {
			if len(f.Levels) == maxLevels {
				p.fail(l, "there are more than %d levels; make it smaller", maxLevels)
				return
			}
			f.Levels[name] = &NSLevel{Description: p.str(l, "description"), Instances: map[string]int{}}
			f.DefaultLevel = cmp.Or(f.DefaultLevel, name)
		}
		f.DefaultLevel = cmp.Or(p.str(policy, "properties", "default_level"), f.DefaultLevel)
		if f.Levels[f.DefaultLevel] == nil {
			p.fail(policy, "default_level is %q, which is no level; name one of ns_levels", clip(f.DefaultLevel))
		}
	})
	if len(f.Levels) == 0 {
		f.DefaultLevel = "default"
		f.Levels["default"] = &NSLevel{Instances: map[string]int{}}
	}
}

func (p *part) nsAspects(f *NSFlavour) {
	p.policies(func(_, root string, policy *node) {
		if root != "NsScalingAspects" {
			return
		}
		aspects := p.at(policy, "properties", "aspects")
		if aspects == nil {
			aspects = p.at(policy, "properties", "ns_scaling_aspects")
		}
		for name, a := range aspects.named() {
			steps := len(p.listOrMap(p.at(a, "ns_scale_levels")))
			steps = max(steps-1, p.number(a, 0, "max_scale_level")) // level 0 is no step
			if steps < 1 || steps > maxLevels || len(f.Aspects) == maxLevels {
				p.fail(a, "the aspect %s has %d scale levels above 0; up to %d aspects with 1 to %d steps are supported", clip(name), steps, maxLevels, maxLevels)
				return
			}
			aspect := &NSAspect{Name: p.str(a, "name"), MaxLevel: steps}
			for range steps {
				aspect.Deltas = append(aspect.Deltas, map[string]int{})
			}
			if f.Aspects == nil {
				f.Aspects = map[string]*NSAspect{}
			}
			f.Aspects[name] = aspect
		}
	})
}

func (r *reader) listOrMap(n *node) []*node {
	if n == nil {
		return nil
	}
	out := n.list
	for _, k := range n.keys {
		out = append(out, n.fields[k])
	}
	return out
}

func (p *part) vnfTargets(f *NSFlavour, name string, policy *node) []string {
	targets := p.few(policy, name)
	for _, t := range targets {
		if f.VNFs[t] == nil {
			p.fail(policy, "the target %q of the policy %s is no VNF", clip(t), clip(name))
			return nil
		}
	}
	return targets
}

// vnfLevels reads how many instances of its targets each NS level has.
func (p *part) vnfLevels(f *NSFlavour, name string, policy *node) {
	targets, numbers := p.vnfTargets(f, name, policy), p.at(policy, "properties", "number_of_instances")
	if numbers != nil && !p.spend(policy, len(targets)*len(numbers.keys)) {
		return
	}
	for level, n := range numbers.named() {
		l := f.Levels[level]
		if l == nil {
			p.fail(n, "the policy %s is about the level %q, which does not exist", clip(name), clip(level))
			return
		}
		for _, t := range targets {
			l.Instances[t] = p.instances(n, 0)
		}
	}
}

// vnfSteps reads how many instances of its targets each scale level of an aspect
// has, and keeps the difference from one level to the next.
func (p *part) vnfSteps(f *NSFlavour, name string, policy *node) {
	aspectName := p.str(policy, "properties", "aspect")
	aspect := f.Aspects[aspectName]
	if aspect == nil {
		p.fail(policy, "the policy %s is about the aspect %q, which does not exist", clip(name), clip(aspectName))
		return
	}
	counts := make([]int, aspect.MaxLevel+1)
	numbers := p.at(policy, "properties", "number_of_instances")
	for level := range counts {
		n := numbers.get(strconv.Itoa(level))
		if n == nil {
			p.fail(numbers, "the policy %s does not say how many instances scale level %d of %s has", clip(name), level, clip(aspectName))
			return
		}
		counts[level] = p.instances(n, 0)
		if level > 0 && counts[level] < counts[level-1] {
			p.fail(n, "the policy %s has fewer instances at scale level %d than below it", clip(name), level)
			return
		}
	}
	targets := p.vnfTargets(f, name, policy)
	if !p.spend(policy, len(targets)*aspect.MaxLevel) {
		return
	}
	for _, t := range targets {
		for step := range aspect.MaxLevel {
			aspect.Deltas[step][t] = counts[step+1] - counts[step]
		}
	}
}

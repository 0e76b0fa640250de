package sol001

// scaling reads aspects, deltas and instantiation levels of a VNF flavour (SOL
// 001 clause 6.10).
func (p *part) scaling(f *Flavour) {
	initial := p.initialDeltas(f)
	p.aspects(f)
	p.levels(f)
	p.vduLevels(f)
	for _, l := range f.Levels {
		if !p.spend(p.topology, len(f.VDUs)*(1+stepsDone(f.Aspects, l.Scale))) {
			return
		}
		for id := range f.VDUs {
			if _, said := l.Instances[id]; !said {
				l.Instances[id] = initial[id] + grown(f.Aspects, l.Scale, id)
			}
		}
	}
}

// stepsDone is how many steps of its aspects are done at the scale levels.
func stepsDone(aspects map[string]*Aspect, scale map[string]int) int {
	n := 0
	for name, level := range scale {
		if a := aspects[name]; a != nil {
			n += min(level, a.MaxLevel)
		}
	}
	return n
}

// grown is how many instances of a VDU the scale levels add to its initial ones.
func grown(aspects map[string]*Aspect, scale map[string]int, vdu string) int {
	n := 0
	for name, level := range scale {
		a := aspects[name]
		if a == nil || len(a.Deltas) == 0 {
			continue
		}
		for step := range min(level, a.MaxLevel) {
			n += a.Deltas[min(step, len(a.Deltas)-1)][vdu]
		}
	}
	return n
}

// initialDeltas returns how many instances of each VDU there are at scale level
// 0: what VduInitialDelta says, or the least that the VDU allows.
func (p *part) initialDeltas(f *Flavour) map[string]int {
	out := map[string]int{}
	for id, v := range f.VDUs {
		out[id] = v.Min
	}
	p.policies(func(name, root string, policy *node) {
		if root != "VduInitialDelta" {
			return
		}
		for _, t := range p.vduTargets(f, name, policy) {
			out[t] = p.number(policy, 0, "properties", "initial_delta", "number_of_instances")
		}
	})
	return out
}

// few reads the targets of a policy, which are node templates.
func (p *part) few(policy *node, name string) []string {
	targets := p.strs(policy, "targets")
	if len(targets) > maxTemplates {
		p.fail(policy, "the policy %s has more than %d targets; make it smaller", clip(name), maxTemplates)
		return nil
	}
	return targets
}

func (p *part) vduTargets(f *Flavour, name string, policy *node) []string {
	targets := p.few(policy, name)
	for _, t := range targets {
		if f.VDUs[t] == nil {
			p.fail(policy, "the target %q of the policy %s is no Vdu.Compute", clip(t), clip(name))
			return nil
		}
	}
	return targets
}

func (p *part) aspects(f *Flavour) {
	steps := map[string][]string{} // names of the deltas by aspect
	p.policies(func(_, root string, policy *node) {
		if root != "ScalingAspects" {
			return
		}
		for name, a := range p.at(policy, "properties", "aspects").named() {
			if f.Aspects == nil {
				f.Aspects = map[string]*Aspect{}
			}
			aspect := &Aspect{Name: p.str(a, "name"), MaxLevel: p.number(a, 0, "max_scale_level")}
			if aspect.MaxLevel < 1 || aspect.MaxLevel > maxLevels || len(f.Aspects) == maxLevels {
				p.fail(a, "max_scale_level of the aspect %s is %d; up to %d aspects with 1 to %d steps are supported", clip(name), aspect.MaxLevel, maxLevels, maxLevels)
				return
			}
			steps[name] = p.strs(a, "step_deltas")
			if n := len(steps[name]); n == 0 || n > aspect.MaxLevel {
				p.fail(a, "the aspect %s has %d step_deltas; give one for all steps, or one for each of its %d", clip(name), n, aspect.MaxLevel)
			}
			for range steps[name] {
				aspect.Deltas = append(aspect.Deltas, map[string]int{})
			}
			f.Aspects[name] = aspect
		}
	})
	p.policies(func(name, root string, policy *node) {
		if root == "VduScalingAspectDeltas" {
			p.aspectDeltas(f, steps, name, policy)
		}
	})
}

func (p *part) aspectDeltas(f *Flavour, steps map[string][]string, name string, policy *node) {
	aspectName := p.str(policy, "properties", "aspect")
	aspect := f.Aspects[aspectName]
	if aspect == nil {
		p.fail(policy, "the policy %s is about the aspect %q, which does not exist", clip(name), clip(aspectName))
		return
	}
	targets, deltas := p.vduTargets(f, name, policy), p.at(policy, "properties", "deltas")
	if !p.spend(policy, len(targets)*len(steps[aspectName])) {
		return
	}
	for i, step := range steps[aspectName] {
		v := deltas.get(step)
		if v == nil {
			p.fail(deltas, "the policy %s does not say the delta %q of the aspect %s", clip(name), clip(step), clip(aspectName))
			return
		}
		n := p.number(v, 0, "number_of_instances")
		for _, t := range targets {
			aspect.Deltas[i][t] = n
		}
	}
}

// levels reads InstantiationLevels; a flavour without has one, named default.
func (p *part) levels(f *Flavour) {
	f.Levels = map[string]*Level{}
	p.policies(func(_, root string, policy *node) {
		if root != "InstantiationLevels" {
			return
		}
		for name, l := range p.at(policy, "properties", "levels").named() {
			level := &Level{Description: p.str(l, "description"), Instances: map[string]int{}}
			for aspect, s := range p.at(l, "scale_info").named() {
				if f.Aspects[aspect] == nil {
					p.fail(s, "the level %s is about the aspect %q, which does not exist", clip(name), clip(aspect))
				}
				if level.Scale == nil {
					level.Scale = map[string]int{}
				}
				level.Scale[aspect] = p.number(s, 0, "scale_level")
			}
			f.Levels[name] = level
			if len(f.Levels) > maxLevels {
				p.fail(l, "there are more than %d levels; make it smaller", maxLevels)
				return
			}
		}
		f.DefaultLevel = p.str(policy, "properties", "default_level")
		if f.DefaultLevel == "" && len(f.Levels) == 1 {
			for name := range f.Levels {
				f.DefaultLevel = name
			}
		}
		if f.Levels[f.DefaultLevel] == nil {
			p.fail(policy, "default_level is %q, which is no level; name one of the levels", clip(f.DefaultLevel))
		}
	})
	if len(f.Levels) == 0 {
		f.DefaultLevel = "default"
		f.Levels["default"] = &Level{Instances: map[string]int{}}
	}
}

func (p *part) vduLevels(f *Flavour) {
	p.policies(func(name, root string, policy *node) {
		if root != "VduInstantiationLevels" {
			return
		}
		targets, levels := p.vduTargets(f, name, policy), p.at(policy, "properties", "levels")
		if levels != nil && !p.spend(policy, len(targets)*len(levels.keys)) {
			return
		}
		for levelName, l := range levels.named() {
			level := f.Levels[levelName]
			if level == nil {
				p.fail(l, "the policy %s is about the level %q, which does not exist", clip(name), clip(levelName))
				return
			}
			for _, t := range targets {
				level.Instances[t] = p.number(l, 0, "number_of_instances")
			}
		}
	})
}

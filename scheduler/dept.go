package scheduler

import "slices"

// Services are what people ask for, in the order of the departments' table.
func (p Pack) Services() []string {
	var out []string
	for _, d := range p.Depts {
		for _, n := range d.Needs {
			if !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	return out
}

// DeptNames are the departments, in the order of their table.
func (p Pack) DeptNames() []string {
	out := make([]string, len(p.Depts))
	for i, d := range p.Depts {
		out[i] = d.Name
	}
	return out
}

// Routes are the departments whose business an item of a visit or a service is.
func (p Pack) Routes() map[string][]string {
	out := map[string][]string{}
	for _, d := range p.Depts {
		for _, what := range slices.Concat(d.Items, d.Needs) {
			out[what] = append(out[what], d.Name)
		}
	}
	return out
}

package sim

import (
	"slices"
	"strconv"
)

// Department is one node of the corp's tree; the root has ID 1.
type Department struct {
	ID, ParentID, Order int
	Name                string
	Leaders             []string // userids
}

func (s *Sim) hasDepartment(id int) bool {
	return id == 1 || slices.ContainsFunc(s.opt.Departments, func(d Department) bool { return d.ID == id })
}

// below are a department and all under it.
func (s *Sim) below(id int) []int {
	ids := []int{id}
	for i := 0; i < len(ids); i++ { // grows while it runs
		for _, d := range s.opt.Departments {
			if d.ParentID == ids[i] && !slices.Contains(ids, d.ID) {
				ids = append(ids, d.ID)
			}
		}
	}
	return ids
}

// staff are the members of a department and all under it.
func (s *Sim) staff(id int) []*phone {
	ids := s.below(id)
	var staff []*phone
	for _, p := range s.roll {
		if slices.ContainsFunc(p.member.Department, func(d int) bool { return slices.Contains(ids, d) }) {
			staff = append(staff, p)
		}
	}
	return staff
}

// getUser gives what an app created since 2022-06-20 gets: no mobile, avatar, gender, mail or address (path/90196).
func (c *call) getUser() (any, error) {
	userid := c.query.Get("userid")
	p := c.Sim.phone(userid)
	switch {
	case userid == "":
		return nil, fail(41009, "missing userid")
	case p == nil || p.member.Kind != "wecom":
		return nil, fail(60111, "userid not found")
	case !p.visible.Load():
		return nil, fail(60011, "no privilege to access/modify contact/party/agent")
	}
	m := p.member
	main := 1
	if len(m.Department) > 0 {
		main = m.Department[0]
	}
	leader := make([]int, len(m.Department))
	for i, id := range m.Department {
		for _, d := range c.opt.Departments {
			if d.ID == id && slices.Contains(d.Leaders, m.UserID) {
				leader[i] = 1
			}
		}
	}
	return struct {
		status
		UserID     string   `json:"userid"`
		Name       string   `json:"name"`
		Department []int    `json:"department"`
		Order      []int    `json:"order"`
		Position   string   `json:"position"`
		IsLeader   []int    `json:"is_leader_in_dept"`
		Leaders    []string `json:"direct_leader"`
		Main       int      `json:"main_department"`
		Status     int      `json:"status"`
	}{ok, m.UserID, m.Name, list(m.Department), make([]int, len(m.Department)), m.Title, leader, []string{}, main, 1}, nil
}

// listUsers is not recursive: path/90200.
func (c *call) listUsers() (any, error) {
	id, err := strconv.Atoi(c.query.Get("department_id"))
	if err != nil || !c.hasDepartment(id) {
		return nil, fail(60003, "department not found")
	}
	type user struct {
		UserID     string `json:"userid"`
		Name       string `json:"name"`
		Department []int  `json:"department"`
	}
	users := []user{}
	for _, p := range c.roll {
		if p.reachable() && slices.Contains(p.member.Department, id) {
			users = append(users, user{p.member.UserID, p.member.Name, p.member.Department})
		}
	}
	return struct {
		status
		Users []user `json:"userlist"`
	}{ok, users}, nil
}

// departments are those an id asks for, without one all: recursive.
func (c *call) departments() ([]Department, error) {
	asked := c.query.Get("id")
	if asked == "" {
		return c.opt.Departments, nil
	}
	id, err := strconv.Atoi(asked)
	if err != nil || !c.hasDepartment(id) {
		return nil, fail(60003, "department not found")
	}
	ids := c.below(id)
	return slices.DeleteFunc(slices.Clone(c.opt.Departments), func(d Department) bool { return !slices.Contains(ids, d.ID) }), nil
}

// listDepartments: path/90208.
func (c *call) listDepartments() (any, error) {
	found, err := c.departments()
	if err != nil {
		return nil, err
	}
	type department struct {
		ID      int      `json:"id"`
		Name    string   `json:"name"`
		Leaders []string `json:"department_leader"`
		Parent  int      `json:"parentid"`
		Order   int      `json:"order"`
	}
	out := []department{}
	for _, d := range found {
		out = append(out, department{d.ID, d.Name, list(d.Leaders), d.ParentID, d.Order})
	}
	return struct {
		status
		Departments []department `json:"department"`
	}{ok, out}, nil
}

// listDepartmentIDs: path/95350.
func (c *call) listDepartmentIDs() (any, error) {
	found, err := c.departments()
	if err != nil {
		return nil, err
	}
	type department struct {
		ID     int `json:"id"`
		Parent int `json:"parentid"`
		Order  int `json:"order"`
	}
	out := []department{}
	for _, d := range found {
		out = append(out, department{d.ID, d.ParentID, d.Order})
	}
	return struct {
		status
		Departments []department `json:"department_id"`
	}{ok, out}, nil
}

// callbackIPs answers both IP questions: everything here comes from this machine (path/92521, 92520).
func (c *call) callbackIPs() (any, error) {
	return struct {
		status
		IPs []string `json:"ip_list"`
	}{ok, []string{"127.0.0.1", "::1"}}, nil
}

// list is never null in JSON.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

package wecom

import (
	"context"
	"net/url"
)

// Agent is the app as WeCom knows it (wecom/90227). Users, Parties and Tags are its visible range.
type Agent struct {
	ID             int
	Name           string
	Closed         bool
	ReportEnter    bool
	ReportLocation bool
	RedirectDomain string
	HomeURL        string
	Users          []string
	Parties        []int
	Tags           []int
}

// Member is a member of the corp, as far as an app may see one (wecom/90196). UserID is folded.
type Member struct {
	UserID      string
	Name        string
	Position    string
	Departments []int
	Status      int // 1 active, 2 disabled, 4 not activated, 5 left; 0 in a SimpleList
}

// Department is one of the corp's departments.
type Department struct {
	ID, ParentID int
	Name         string
}

// Agent reads the app's settings and visible range.
func (c *Client) Agent(ctx context.Context) (Agent, error) {
	var a struct {
		ID    int    `json:"agentid"`
		Name  string `json:"name"`
		Users struct {
			User []struct {
				UserID string `json:"userid"`
			} `json:"user"`
		} `json:"allow_userinfos"`
		Parties struct {
			ID []int `json:"partyid"`
		} `json:"allow_partys"`
		Tags struct {
			ID []int `json:"tagid"`
		} `json:"allow_tags"`
		Close          int    `json:"close"`
		RedirectDomain string `json:"redirect_domain"`
		ReportLocation int    `json:"report_location_flag"`
		ReportEnter    int    `json:"isreportenter"`
		HomeURL        string `json:"home_url"`
	}
	if err := c.get(ctx, "agent/get", c.agentQuery(), &a); err != nil {
		return Agent{}, err
	}
	out := Agent{ID: a.ID, Name: a.Name, Closed: a.Close != 0, ReportEnter: a.ReportEnter != 0,
		ReportLocation: a.ReportLocation != 0, RedirectDomain: a.RedirectDomain, HomeURL: a.HomeURL,
		Parties: a.Parties.ID, Tags: a.Tags.ID}
	for _, u := range a.Users.User {
		out.Users = append(out.Users, fold(u.UserID))
	}
	return out, nil
}

// User reads one member.
func (c *Client) User(ctx context.Context, userid string) (Member, error) {
	var m Member
	err := c.do(ctx, "user/get", c.cfg.Timeout, func(t *ticket) error {
		u, err := t.addresslist().UserGet(url.QueryEscape(userid)) // the SDK escapes nothing
		if err != nil {
			return err
		}
		m = Member{UserID: fold(u.UserID), Name: u.Name, Position: u.Position, Departments: u.Department, Status: u.Status}
		return nil
	})
	return m, err
}

// Departments lists the departments the app can see.
func (c *Client) Departments(ctx context.Context) ([]Department, error) {
	var out []Department
	err := c.do(ctx, "department/list", c.cfg.Timeout, func(t *ticket) error {
		list, err := t.addresslist().DepartmentList()
		if err != nil {
			return err
		}
		for _, d := range list {
			out = append(out, Department{ID: d.ID, ParentID: d.ParentID, Name: d.Name})
		}
		return nil
	})
	return out, err
}

// SimpleList lists the members of one department, not of those under it (wecom/90200).
func (c *Client) SimpleList(ctx context.Context, department int) ([]Member, error) {
	var out []Member
	err := c.do(ctx, "user/simplelist", c.cfg.Timeout, func(t *ticket) error {
		list, err := t.addresslist().UserSimpleList(department)
		if err != nil {
			return err
		}
		for _, u := range list {
			out = append(out, Member{UserID: fold(u.UserID), Name: u.Name, Departments: u.Department})
		}
		return nil
	})
	return out, err
}

// CallbackIPs lists where callbacks come from: addresses, some with a * (wecom/92521).
func (c *Client) CallbackIPs(ctx context.Context) ([]string, error) {
	var answer struct {
		IPs []string `json:"ip_list"`
	}
	err := c.get(ctx, "getcallbackip", nil, &answer)
	return answer.IPs, err
}

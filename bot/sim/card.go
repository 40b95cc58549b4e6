package sim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Card is a template card, path/90236; the xml names are those of the passive update, path/90241.
type Card struct {
	CardType     string      `json:"card_type" xml:"CardType"`
	TaskID       string      `json:"task_id,omitempty" xml:"-"`
	Source       *Source     `json:"source,omitempty" xml:"Source"`
	ActionMenu   *Actions    `json:"action_menu,omitempty" xml:"ActionMenu"`
	MainTitle    *TitleDesc  `json:"main_title,omitempty" xml:"MainTitle"`
	Quote        *Jump       `json:"quote_area,omitempty" xml:"QuoteArea"`
	Emphasis     *TitleDesc  `json:"emphasis_content,omitempty" xml:"EmphasisContent"`
	SubTitle     string      `json:"sub_title_text,omitempty" xml:"SubTitleText"`
	ImageText    *Jump       `json:"image_text_area,omitempty" xml:"ImageTextArea"`
	Image        *CardImage  `json:"card_image,omitempty" xml:"CardImage"`
	Vertical     []TitleDesc `json:"vertical_content_list,omitempty" xml:"VerticalContentList"`
	Horizontal   []KeyValue  `json:"horizontal_content_list,omitempty" xml:"HorizontalContentList"`
	Jumps        []Jump      `json:"jump_list,omitempty" xml:"JumpList"`
	Action       *Jump       `json:"card_action,omitempty" xml:"CardAction"`
	Selection    *Question   `json:"button_selection,omitempty" xml:"ButtonSelection"`
	Buttons      []Button    `json:"button_list,omitempty" xml:"ButtonList"`
	Checkbox     *Question   `json:"checkbox,omitempty" xml:"CheckBox"`
	Selects      []Question  `json:"select_list,omitempty" xml:"SelectList"`
	SubmitButton *Button     `json:"submit_button,omitempty" xml:"SubmitButton"`
	ReplaceText  string      `json:"replace_text,omitempty" xml:"ReplaceText"`
}

// Source is the card's small head line.
type Source struct {
	IconURL   string `json:"icon_url,omitempty" xml:"IconUrl"`
	Desc      string `json:"desc,omitempty" xml:"Desc"`
	DescColor int    `json:"desc_color,omitempty" xml:"DescColor"`
}

// Actions are the card's top-right menu.
type Actions struct {
	Desc string   `json:"desc,omitempty" xml:"Desc"`
	List []Button `json:"action_list" xml:"ActionList"`
}

// TitleDesc is a title with a description; vertical_content_list puts them one below the other.
type TitleDesc struct {
	Title string `json:"title,omitempty" xml:"Title"`
	Desc  string `json:"desc,omitempty" xml:"Desc"`
}

// CardImage is the picture of a news_notice.
type CardImage struct {
	URL         string  `json:"url" xml:"Url"`
	AspectRatio float64 `json:"aspect_ratio,omitempty" xml:"AspectRatio"`
}

// Jump leads to a URL (1) or mini-program (2): card_action, jump_list, quote_area, image_text_area.
type Jump struct {
	Type      int    `json:"type,omitempty" xml:"Type"`
	URL       string `json:"url,omitempty" xml:"Url"`
	AppID     string `json:"appid,omitempty" xml:"AppId"`
	PagePath  string `json:"pagepath,omitempty" xml:"PagePath"`
	Title     string `json:"title,omitempty" xml:"Title"`
	Desc      string `json:"desc,omitempty" xml:"Desc"`
	QuoteText string `json:"quote_text,omitempty" xml:"QuoteText"`
	ImageURL  string `json:"image_url,omitempty" xml:"ImageUrl"`
}

// KeyValue is one row of horizontal_content_list: text (0), URL (1), attachment (2), member (3).
type KeyValue struct {
	Type    int    `json:"type,omitempty" xml:"Type"`
	KeyName string `json:"keyname" xml:"KeyName"`
	Value   string `json:"value,omitempty" xml:"Value"`
	URL     string `json:"url,omitempty" xml:"Url"`
	MediaID string `json:"media_id,omitempty" xml:"MediaId"`
	UserID  string `json:"userid,omitempty" xml:"UserId"`
}

// Button is a button, a submit button or a menu entry: a callback (0) or a URL (1).
type Button struct {
	Type  int    `json:"type,omitempty" xml:"Type"`
	Text  string `json:"text" xml:"Text"`
	Style int    `json:"style,omitempty" xml:"Style"`
	Key   string `json:"key,omitempty" xml:"Key"`
	URL   string `json:"url,omitempty" xml:"Url"`
}

// Question is a drop-down, a check list or one entry of a select_list.
type Question struct {
	QuestionKey string   `json:"question_key" xml:"QuestionKey"`
	Title       string   `json:"title,omitempty" xml:"Title"`
	SelectedID  string   `json:"selected_id,omitempty" xml:"SelectedId"`
	Mode        int      `json:"mode,omitempty" xml:"Mode"` // check list: 0 single, 1 multi
	Disable     bool     `json:"disable,omitempty" xml:"Disable"`
	Options     []Option `json:"option_list" xml:"OptionList"`
}

// Option is one choice.
type Option struct {
	ID        string `json:"id" xml:"Id"`
	Text      string `json:"text" xml:"Text"`
	IsChecked bool   `json:"is_checked,omitempty" xml:"IsChecked"`
}

const (
	textNotice        = "text_notice"
	newsNotice        = "news_notice"
	buttonCard        = "button_interaction"
	voteCard          = "vote_interaction"
	multipleCard      = "multiple_interaction"
	maxKey            = 1024
	maxID             = 128 // option id and task_id
	maxDropDown       = 10
	maxCheckbox       = 20
	maxActions        = 3  // path/90236
	maxPassiveActions = 10 // path/90241 differs
)

func interactive(cardType string) bool {
	return cardType == buttonCard || cardType == voteCard || cardType == multipleCard
}

// canCallBack says whether a card can raise events and be updated.
func (c *Card) canCallBack() bool { return interactive(c.CardType) || c.ActionMenu != nil }

// prune removes the fields that are not listed for the card's type: no phone shows them.
func (c *Card) prune(updating bool) {
	notice := c.CardType == textNotice || c.CardType == newsNotice
	if c.CardType != textNotice {
		c.Emphasis = nil
	}
	if c.CardType != textNotice && c.CardType != buttonCard {
		c.SubTitle = ""
	}
	if c.CardType != newsNotice {
		c.ImageText, c.Image, c.Vertical = nil, nil, nil
	}
	if !notice {
		c.Jumps = nil
		if c.CardType != buttonCard {
			c.ActionMenu, c.Quote, c.Horizontal, c.Action = nil, nil, nil, nil
		}
	}
	if c.CardType != buttonCard {
		c.Selection, c.Buttons = nil, nil
	}
	if c.CardType != voteCard {
		c.Checkbox = nil
	}
	if c.CardType != multipleCard {
		c.Selects = nil
	}
	if c.CardType != voteCard && c.CardType != multipleCard {
		c.SubmitButton = nil
	}
	if !updating || notice {
		c.ReplaceText = ""
	}
	if !updating {
		for i := range c.Selects {
			c.Selects[i].Disable = false
		}
		for _, q := range []*Question{c.Checkbox, c.Selection} {
			if q != nil {
				q.Disable = false
			}
		}
	}
}

// inspection is the ground a card is checked on.
type inspection struct {
	updating bool
	callback bool // the app has a callback URL
	actions  int  // most entries of action_menu
	media    func(id string) bool
}

// check keeps the field matrix of path/90236 with the codes of path/90313. It prunes first.
func (c *Card) check(on inspection) error {
	if !slices.Contains([]string{textNotice, newsNotice, buttonCard, voteCard, multipleCard}, c.CardType) {
		return fail(42031, "invalid card_type")
	}
	c.prune(on.updating)
	if c.canCallBack() && !on.callback {
		return fail(43012, "need callback url")
	}
	if !on.updating && (c.TaskID != "" || c.canCallBack()) && !goodTaskID(c.TaskID) {
		return fail(42014, "invalid task_id")
	}
	if c.Source != nil && (c.Source.DescColor < 0 || c.Source.DescColor > 3) {
		return fail(40058, "invalid source.desc_color")
	}
	return first(
		func() error { return c.checkMenu(on.actions) },
		c.checkTitles,
		func() error { return c.checkLists(on.media) },
		c.checkAction,
		c.checkQuestions,
		func() error { return c.checkButtons(on.updating) },
	)
}

func first(checks ...func() error) error {
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func goodTaskID(id string) bool {
	return id != "" && len(id) <= maxID && !strings.ContainsFunc(id, func(r rune) bool {
		return notAlphanumeric(r) && r != '_' && r != '-' && r != '@'
	})
}

func (c *Card) checkMenu(most int) error {
	if c.ActionMenu == nil {
		return nil
	}
	if n := len(c.ActionMenu.List); n < 1 || n > most {
		return fail(40058, "invalid action_list length")
	}
	keys := map[string]bool{}
	for _, a := range c.ActionMenu.List {
		switch {
		case a.Text == "":
			return fail(40058, "missing action_list.text")
		case a.Key == "" || len(a.Key) > maxKey:
			return fail(40058, "invalid action_list.key")
		case keys[a.Key]:
			return fail(42051, "action_list key conflict")
		}
		keys[a.Key] = true
	}
	return nil
}

func (c *Card) checkTitles() error {
	title := c.MainTitle != nil && c.MainTitle.Title != ""
	if c.CardType == textNotice {
		title = title || c.SubTitle != ""
	}
	if !title {
		return fail(41016, "missing title")
	}
	if c.CardType == newsNotice {
		if c.Image == nil && c.ImageText == nil {
			return fail(42044, "missing card_image")
		}
		if c.Image != nil {
			if c.Image.URL == "" {
				return fail(42044, "invalid card_image.url")
			}
			if r := c.Image.AspectRatio; r != 0 && (r < 1.3 || r >= 2.25) {
				return fail(40058, "invalid card_image.aspect_ratio")
			}
		}
		if c.ImageText != nil {
			if c.ImageText.ImageURL == "" {
				return fail(42044, "invalid image_text_area.image_url")
			}
			if err := c.ImageText.check(); err != nil {
				return err
			}
		}
	}
	if c.Quote != nil {
		return c.Quote.check()
	}
	return nil
}

func (j *Jump) check() error {
	switch {
	case j.Type < 0 || j.Type > 2:
		return fail(40058, "invalid type")
	case j.Type == 1 && j.URL == "":
		return fail(42028, "missing url")
	case j.Type == 2 && j.AppID == "":
		return fail(42030, "missing appid")
	}
	return nil
}

func (c *Card) checkLists(media func(string) bool) error {
	switch {
	case len(c.Horizontal) > 6:
		return fail(42035, "invalid horizontal_content_list length")
	case len(c.Vertical) > 4:
		return fail(42036, "invalid vertical_content_list length")
	case len(c.Jumps) > 3:
		return fail(42042, "invalid jump_list length")
	}
	for _, h := range c.Horizontal {
		switch {
		case h.KeyName == "":
			return fail(42027, "missing horizontal_content_list.keyname")
		case h.Type == 1 && h.URL == "":
			return fail(42028, "missing horizontal_content_list.url")
		case h.Type == 2 && h.MediaID == "":
			return fail(42029, "missing horizontal_content_list.media_id")
		case h.Type == 2 && !media(h.MediaID):
			return fail(40007, "invalid media_id")
		case h.Type == 3 && h.UserID == "":
			return fail(42050, "missing horizontal_content_list.userid")
		case h.Type < 0 || h.Type > 3:
			return fail(40058, "invalid horizontal_content_list.type")
		}
	}
	for _, v := range c.Vertical {
		if v.Title == "" {
			return fail(42033, "missing vertical_content_list.title")
		}
	}
	for _, j := range c.Jumps {
		if j.Title == "" {
			return fail(42033, "missing jump_list.title")
		}
		if err := j.check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Card) checkAction() error {
	if c.CardType == textNotice || c.CardType == newsNotice {
		if c.Action == nil || c.Action.Type == 0 {
			return fail(42045, "missing card_action")
		}
	}
	if c.Action != nil {
		return c.Action.check()
	}
	return nil
}

func (c *Card) checkQuestions() error {
	if c.Selection != nil {
		return c.Selection.check(maxDropDown)
	}
	switch c.CardType {
	case voteCard:
		if c.Checkbox == nil {
			return fail(42043, "missing checkbox")
		}
		if c.Checkbox.Mode != 0 && c.Checkbox.Mode != 1 {
			return fail(40058, "invalid checkbox.mode")
		}
		return c.Checkbox.check(maxCheckbox)
	case multipleCard:
		if n := len(c.Selects); n < 1 || n > 3 {
			return fail(42047, "invalid select_list length")
		}
		keys := map[string]bool{}
		for _, q := range c.Selects {
			if err := q.check(maxDropDown); err != nil {
				return err
			}
			if keys[q.QuestionKey] {
				return fail(42043, "question_key conflict")
			}
			keys[q.QuestionKey] = true
		}
	}
	return nil
}

func (q *Question) check(most int) error {
	if q.QuestionKey == "" || len(q.QuestionKey) > maxKey {
		return fail(42043, "invalid question_key")
	}
	if n := len(q.Options); n < 1 || n > most {
		return fail(42037, "invalid option_list length")
	}
	ids := map[string]bool{}
	for _, o := range q.Options {
		switch {
		case o.ID == "" || len(o.ID) > maxID || ids[o.ID]:
			return fail(42040, "invalid option_list.id")
		case o.Text == "":
			return fail(42041, "missing option_list.text")
		}
		ids[o.ID] = true
	}
	return nil
}

func (c *Card) checkButtons(updating bool) error {
	switch c.CardType {
	case buttonCard:
		if n := len(c.Buttons); n < 1 || n > 6 {
			return fail(40058, "invalid button_list length")
		}
		keys := map[string]bool{}
		for _, b := range c.Buttons {
			switch {
			case b.Text == "":
				return fail(42038, "missing button_list.text")
			case b.Type == 1 && b.URL == "":
				return fail(42028, "missing button_list.url")
			case b.Type == 0 && (b.Key == "" || len(b.Key) > maxKey || keys[b.Key]):
				return fail(42039, "invalid button_list.key")
			case b.Type != 0 && b.Type != 1:
				return fail(40058, "invalid button_list.type")
			}
			keys[b.Key] = b.Type == 0
		}
	case voteCard, multipleCard:
		b := c.SubmitButton
		switch {
		case b == nil && updating:
		case b == nil || b.Key == "" || len(b.Key) > maxKey:
			return fail(42046, "invalid submit_button.key")
		case b.Text == "":
			return fail(42049, "missing submit_button.text")
		}
	}
	return nil
}

// update is what an update does to a card: grey its buttons, or replace it.
type update struct {
	replaceName string
	card        *Card
}

func (u update) check(originalType string, on inspection) error {
	on.updating = true
	switch {
	case u.card != nil:
		return u.card.check(on)
	case u.replaceName == "":
		return fail(40063, "missing button or template_card")
	case !interactive(originalType):
		return fail(40058, "button is only for interactive cards")
	}
	return nil
}

func (u update) apply(m *Message) {
	if u.card == nil {
		m.ReplaceText, m.Disabled = u.replaceName, true
		return
	}
	card := *u.card
	card.TaskID = m.Card.TaskID // an update names none
	m.Card = &card
	m.ReplaceText, m.Disabled = card.ReplaceText, card.ReplaceText != ""
	m.Selected, m.Tapped = nil, ""
}

// choice is what was selected for one question.
type choice struct {
	question string
	options  []string
}

// What a phone does not let one do, in the words its holder reads.
var (
	ErrNoCard   = errors.New("手机上没有这张卡片")
	ErrRecalled = errors.New("这条已撤回")
	ErrGrey     = errors.New("这张卡片已经变灰,不能再点")
	ErrNoKey    = errors.New("卡片上没有这个按钮")
	ErrChoice   = errors.New("卡片上不能这样选")
)

// press is what a tap on key reports: the event's name, and what is selected.
func (m *Message) press(key string, selected map[string][]string, emptyVote bool) (event string, chosen []choice, err error) {
	switch {
	case m == nil || m.Card == nil:
		return "", nil, ErrNoCard
	case m.Recalled:
		return "", nil, ErrRecalled
	}
	has := func(b Button) bool { return b.Type == 0 && b.Key == key }
	c := m.Card
	if c.ActionMenu != nil && slices.ContainsFunc(c.ActionMenu.List, has) {
		return "template_card_menu_event", nil, nil
	}
	if m.Disabled {
		return "", nil, ErrGrey
	}
	if !slices.ContainsFunc(c.Buttons, has) && (c.SubmitButton == nil || !has(*c.SubmitButton)) {
		return "", nil, ErrNoKey
	}
	var asked []Question
	if c.Selection != nil {
		asked = append(asked, *c.Selection)
	}
	if c.Checkbox != nil {
		asked = append(asked, *c.Checkbox)
	}
	asked = append(asked, c.Selects...)
	for q := range selected {
		if !slices.ContainsFunc(asked, func(a Question) bool { return a.QuestionKey == q }) {
			return "", nil, fmt.Errorf("%w:没有问题 %q", ErrChoice, q)
		}
	}
	for _, q := range asked {
		vote := c.Checkbox != nil
		ids, given := selected[q.QuestionKey]
		preset := q.preset(vote)
		switch {
		case !given:
			ids = preset
		case q.Disable && !slices.Equal(ids, preset):
			return "", nil, fmt.Errorf("%w:%q 已锁定", ErrChoice, q.QuestionKey)
		}
		switch {
		case len(ids) == 0 && !(vote && emptyVote):
			return "", nil, fmt.Errorf("%w:%q 还没选", ErrChoice, q.QuestionKey)
		case len(ids) > 1 && !(vote && q.Mode == 1):
			return "", nil, fmt.Errorf("%w:%q 只能选一个", ErrChoice, q.QuestionKey)
		}
		picked := choice{question: q.QuestionKey}
		for _, o := range q.Options { // in the card's order, each once
			if slices.Contains(ids, o.ID) {
				picked.options = append(picked.options, o.ID)
			}
		}
		if len(picked.options) != len(ids) {
			return "", nil, fmt.Errorf("%w:%q 没有这个选项", ErrChoice, q.QuestionKey)
		}
		chosen = append(chosen, picked)
	}
	return "template_card_event", chosen, nil
}

// preset is what is selected before anybody touches the card.
func (q Question) preset(vote bool) []string {
	if !vote {
		for _, o := range q.Options {
			if o.ID == q.SelectedID {
				return []string{o.ID}
			}
		}
		return []string{q.Options[0].ID} // absent or wrong: the first (path/90236)
	}
	var ids []string
	for _, o := range q.Options {
		if o.IsChecked && (q.Mode == 1 || len(ids) == 0) {
			ids = append(ids, o.ID)
		}
	}
	return ids
}

// tap presses a card's button: path/90240.
func (s *Sim) tap(userid, id, key string, selected map[string][]string) (*errand, error) {
	p, err := s.owner(userid)
	if err != nil {
		return nil, err
	}
	code := randomCode()
	var event, inner, tail, copyID string
	p.mu.Lock()
	m := p.findLocked(id)
	event, chosen, err := m.press(key, selected, s.rules.EmptyVoteAllowed)
	if err != nil {
		p.mu.Unlock()
		return nil, err
	}
	copyID = m.ID
	m.Tapped = key
	if event == "template_card_event" {
		m.Selected = map[string][]string{}
		for _, ch := range chosen {
			m.Selected[ch.question] = ch.options
			ids := ""
			for _, o := range ch.options {
				ids += element("OptionId", o)
			}
			tail += "<SelectedItem>" + element("QuestionKey", ch.question) + "<OptionIds>" + ids + "</OptionIds></SelectedItem>"
		}
		if tail != "" {
			tail = "<SelectedItems>" + tail + "</SelectedItems>"
		}
	}
	inner = element("EventKey", key) + element("TaskId", m.Card.TaskID) + element("CardType", m.Card.CardType) +
		element("ResponseCode", code)
	s.sent.addCode(code, m.sent, s.now())
	s.hub.publish("message", m)
	p.mu.Unlock()

	e := p.newEvent(event, key, inner, tail)
	e.code, e.bubble, e.tells = code, copyID, true
	p.walk(e)
	return e, nil
}

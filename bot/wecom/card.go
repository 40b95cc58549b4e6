package wecom

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// CardType is one of WeCom's five template cards (wecom/90236, 模板卡片消息).
type CardType string

const (
	TextNotice          CardType = "text_notice"
	NewsNotice          CardType = "news_notice"
	ButtonInteraction   CardType = "button_interaction"
	VoteInteraction     CardType = "vote_interaction"
	MultipleInteraction CardType = "multiple_interaction"
)

// TemplateCard is a card in WeCom's words. Which field belongs to which type is checked by Validate, not by five Go types
// that would share most of their fields.
type TemplateCard struct {
	CardType              CardType      `json:"card_type"`
	TaskID                string        `json:"task_id,omitempty"`
	Source                *Source       `json:"source,omitempty"`
	ActionMenu            *ActionMenu   `json:"action_menu,omitempty"`
	MainTitle             *Title        `json:"main_title,omitempty"`
	QuoteArea             *Quote        `json:"quote_area,omitempty"`
	EmphasisContent       *Title        `json:"emphasis_content,omitempty"`
	SubTitleText          string        `json:"sub_title_text,omitempty"`
	ImageTextArea         *ImageText    `json:"image_text_area,omitempty"`
	CardImage             *CardImage    `json:"card_image,omitempty"`
	VerticalContentList   []Title       `json:"vertical_content_list,omitempty"`
	HorizontalContentList []Row         `json:"horizontal_content_list,omitempty"`
	JumpList              []Jump        `json:"jump_list,omitempty"`
	CardAction            *CardAction   `json:"card_action,omitempty"`
	ButtonSelection       *Selection    `json:"button_selection,omitempty"`
	ButtonList            []CardButton  `json:"button_list,omitempty"`
	CheckBox              *CheckBox     `json:"checkbox,omitempty"`
	SelectList            []Selection   `json:"select_list,omitempty"`
	SubmitButton          *SubmitButton `json:"submit_button,omitempty"`
	ReplaceText           string        `json:"replace_text,omitempty"` // in an update: grey words on untappable buttons
}

// The parts of a card.
type (
	Source struct {
		IconURL   string `json:"icon_url,omitempty"`
		Desc      string `json:"desc,omitempty"`
		DescColor int    `json:"desc_color,omitempty"` // 0 grey, 1 black, 2 red, 3 green
	}
	ActionMenu struct {
		Desc       string       `json:"desc,omitempty"`
		ActionList []MenuAction `json:"action_list"`
	}
	MenuAction struct {
		Text string `json:"text"`
		Key  string `json:"key"`
	}
	Title struct {
		Title string `json:"title,omitempty"`
		Desc  string `json:"desc,omitempty"`
	}
	Quote struct {
		Type      int    `json:"type,omitempty"` // 0 nothing, 1 url, 2 mini-program
		URL       string `json:"url,omitempty"`
		AppID     string `json:"appid,omitempty"`
		PagePath  string `json:"pagepath,omitempty"`
		Title     string `json:"title,omitempty"`
		QuoteText string `json:"quote_text,omitempty"`
	}
	ImageText struct {
		Type     int    `json:"type,omitempty"`
		URL      string `json:"url,omitempty"`
		AppID    string `json:"appid,omitempty"`
		PagePath string `json:"pagepath,omitempty"`
		Title    string `json:"title,omitempty"`
		Desc     string `json:"desc,omitempty"`
		ImageURL string `json:"image_url"`
	}
	CardImage struct {
		URL         string  `json:"url"`
		AspectRatio float64 `json:"aspect_ratio,omitempty"`
	}
	Row struct {
		Type    int    `json:"type,omitempty"` // 0 text, 1 url, 2 attachment, 3 member
		KeyName string `json:"keyname"`
		Value   string `json:"value,omitempty"`
		URL     string `json:"url,omitempty"`
		MediaID string `json:"media_id,omitempty"`
		UserID  string `json:"userid,omitempty"`
	}
	Jump struct {
		Type     int    `json:"type,omitempty"`
		Title    string `json:"title"`
		URL      string `json:"url,omitempty"`
		AppID    string `json:"appid,omitempty"`
		PagePath string `json:"pagepath,omitempty"`
	}
	CardAction struct {
		Type     int    `json:"type"`
		URL      string `json:"url,omitempty"`
		AppID    string `json:"appid,omitempty"`
		PagePath string `json:"pagepath,omitempty"`
	}
	CardButton struct {
		Type  int    `json:"type,omitempty"` // 0 calls back, 1 opens url
		Text  string `json:"text"`
		Style int    `json:"style,omitempty"` // 1 to 4
		Key   string `json:"key,omitempty"`
		URL   string `json:"url,omitempty"`
	}
	Selection struct {
		QuestionKey string   `json:"question_key"`
		Title       string   `json:"title,omitempty"`
		Disable     bool     `json:"disable,omitempty"` // only in an update
		SelectedID  string   `json:"selected_id,omitempty"`
		OptionList  []Option `json:"option_list"`
	}
	Option struct {
		ID   string `json:"id"`
		Text string `json:"text"`
	}
	CheckBox struct {
		QuestionKey string        `json:"question_key"`
		Mode        int           `json:"mode"` // 0 single, 1 multi
		Disable     bool          `json:"disable,omitempty"`
		OptionList  []CheckOption `json:"option_list"`
	}
	CheckOption struct {
		ID        string `json:"id"`
		Text      string `json:"text"`
		IsChecked bool   `json:"is_checked"`
	}
	SubmitButton struct {
		Text string `json:"text"`
		Key  string `json:"key"`
	}
)

// LimitError says which field breaks which of WeCom's limits. It never quotes the text.
type LimitError struct {
	Field         string
	Need          string // the rule in words
	Limit, Actual int
	Soft          bool // WeCom takes it, but a phone cuts it off (the "建议不超过" of wecom/90236)
}

func (e *LimitError) Error() string {
	if e.Limit == 0 && e.Actual == 0 {
		return e.Field + ": " + e.Need
	}
	return fmt.Sprintf("%s: %d, %s %d", e.Field, e.Actual, e.Need, e.Limit)
}

// Validate says whether WeCom takes the card in message/send.
func (c TemplateCard) Validate() error { return hard(c.faults(false)) }

// ValidateUpdate says whether WeCom takes the card in message/update_template_card (wecom/94888).
func (c TemplateCard) ValidateUpdate() error { return hard(c.faults(true)) }

// hard joins the faults WeCom would refuse.
func hard(faults []error) error {
	var refused []error
	for _, f := range faults {
		if l := (*LimitError)(nil); !errors.As(f, &l) || !l.Soft {
			refused = append(refused, f)
		}
	}
	return errors.Join(refused...)
}

// faultList collects faults; its methods are the kinds of rule of wecom/90236.
type faultList []error

func (f *faultList) add(e LimitError) { *f = append(*f, &e) }

func (f *faultList) most(field string, n, limit int) {
	if n > limit {
		f.add(LimitError{Field: field, Need: "at most", Limit: limit, Actual: n})
	}
}

func (f *faultList) count(field string, n, least, limit int) {
	if n < least {
		f.add(LimitError{Field: field, Need: "at least", Limit: least, Actual: n})
	}
	f.most(field, n, limit)
}

func (f *faultList) bytes(field, s string, limit int) { f.most(field, len(s), limit) }

// shown is the recommended length, in characters.
func (f *faultList) shown(field, s string, limit int) {
	if n := utf8.RuneCountInString(s); n > limit {
		f.add(LimitError{Field: field, Need: "characters shown at most", Limit: limit, Actual: n, Soft: true})
	}
}

func (f *faultList) need(field string, present bool) {
	if !present {
		f.add(LimitError{Field: field, Need: "required"})
	}
}

func (f *faultList) between(field string, n, least, limit int) {
	if n < least || n > limit {
		f.add(LimitError{Field: field, Need: fmt.Sprintf("from %d to", least), Limit: limit, Actual: n})
	}
}

func (f *faultList) unique(field string, ids []string) {
	seen := map[string]bool{}
	for _, id := range ids {
		if seen[id] {
			f.add(LimitError{Field: field, Need: "must not repeat"})
			return
		}
		seen[id] = true
	}
}

// key checks what comes back in an event.
func (f *faultList) key(field, s string, limit int) {
	f.need(field, s != "")
	f.bytes(field, s, limit)
}

// leads checks where a tap leads: type 1 to a url, type 2 to a mini-program.
func (f *faultList) leads(field string, typ int, url, appID string) {
	switch typ {
	case 1:
		f.need(field+".url", hasScheme(url)) // 45034
	case 2:
		f.need(field+".appid", appID != "")
	}
}

func hasScheme(url string) bool {
	return strings.HasPrefix(url, "http://") || strings.HasPrefix(url, "https://")
}

const (
	maxKey      = 1024 // bytes of a key or question_key
	maxOptionID = 128  // bytes
	maxTask     = 128  // bytes
)

// faults is the field matrix of wecom/90236 (wecom/94888 for an update).
func (c TemplateCard) faults(update bool) []error {
	var f faultList
	notice := c.CardType == TextNotice || c.CardType == NewsNotice
	button := c.CardType == ButtonInteraction
	vote, multi := c.CardType == VoteInteraction, c.CardType == MultipleInteraction
	if !notice && !button && !vote && !multi {
		f.add(LimitError{Field: "card_type", Need: "one of the five types"}) // 42031
		return f
	}
	only := func(field string, set, allowed bool) {
		if set && !allowed {
			f.add(LimitError{Field: field, Need: "not for a " + string(c.CardType)})
		}
	}
	only("action_menu", c.ActionMenu != nil, notice || button)
	only("quote_area", c.QuoteArea != nil, notice || button)
	only("emphasis_content", c.EmphasisContent != nil, c.CardType == TextNotice)
	only("sub_title_text", c.SubTitleText != "", c.CardType == TextNotice || button)
	only("image_text_area", c.ImageTextArea != nil, c.CardType == NewsNotice)
	only("card_image", c.CardImage != nil, c.CardType == NewsNotice)
	only("vertical_content_list", c.VerticalContentList != nil, c.CardType == NewsNotice)
	only("horizontal_content_list", c.HorizontalContentList != nil, notice || button)
	only("jump_list", c.JumpList != nil, notice)
	only("card_action", c.CardAction != nil, notice || button)
	only("button_selection", c.ButtonSelection != nil, button)
	only("button_list", c.ButtonList != nil, button)
	only("checkbox", c.CheckBox != nil, vote)
	only("select_list", c.SelectList != nil, multi)
	only("submit_button", c.SubmitButton != nil, vote || multi)
	only("replace_text", c.ReplaceText != "", update && !notice)

	c.taskFaults(&f, update)
	c.headFaults(&f)
	if notice {
		c.noticeFaults(&f)
	}
	c.rowFaults(&f)
	if a := c.CardAction; a != nil {
		least := 0
		if notice {
			least = 1
		}
		f.between("card_action.type", a.Type, least, 2)
		f.leads("card_action", a.Type, a.URL, a.AppID)
	}
	if button {
		c.buttonFaults(&f)
	}
	if s := c.ButtonSelection; s != nil {
		s.faults(&f, "button_selection", false)
	}
	if vote {
		f.need("checkbox", c.CheckBox != nil)
	}
	if b := c.CheckBox; b != nil {
		b.faults(&f, update)
	}
	if multi {
		f.count("select_list", len(c.SelectList), 1, 3) // 42047
		var keys []string
		for _, s := range c.SelectList {
			s.faults(&f, "select_list", update)
			keys = append(keys, s.QuestionKey)
		}
		f.unique("select_list.question_key", keys)
	}
	if (vote || multi) && !update {
		f.need("submit_button", c.SubmitButton != nil)
	}
	if b := c.SubmitButton; b != nil {
		f.need("submit_button.text", b.Text != "") // 42049
		f.shown("submit_button.text", b.Text, 10)
		f.key("submit_button.key", b.Key, maxKey) // 42046
	}
	return f
}

func (c TemplateCard) taskFaults(f *faultList, update bool) {
	if update {
		if c.TaskID != "" {
			f.add(LimitError{Field: "task_id", Need: "not in an update"})
		}
		return
	}
	calls := c.ActionMenu != nil || c.CardType != TextNotice && c.CardType != NewsNotice
	if calls || c.TaskID != "" {
		f.key("task_id", c.TaskID, maxTask) // 42014
	}
	for i := 0; i < len(c.TaskID); i++ {
		if b := c.TaskID[i]; !alphanumeric(string(b)) && b != '_' && b != '-' && b != '@' {
			f.add(LimitError{Field: "task_id", Need: "letters, digits, _ - @"})
			return
		}
	}
}

// headFaults are those of source, menu, title and quotation.
func (c TemplateCard) headFaults(f *faultList) {
	notice := c.CardType == TextNotice || c.CardType == NewsNotice
	if s := c.Source; s != nil {
		f.shown("source.desc", s.Desc, 20)
		f.between("source.desc_color", s.DescColor, 0, 3)
		if s.DescColor != 0 && !notice && c.CardType != ButtonInteraction {
			f.add(LimitError{Field: "source.desc_color", Need: "not for a " + string(c.CardType)})
		}
	}
	if m := c.ActionMenu; m != nil {
		f.count("action_menu.action_list", len(m.ActionList), 1, 3)
		var keys []string
		for _, a := range m.ActionList {
			f.need("action_menu.action_list.text", a.Text != "")
			f.key("action_menu.action_list.key", a.Key, maxKey)
			keys = append(keys, a.Key)
		}
		f.unique("action_menu.action_list.key", keys) // 42051
	}
	title := Title{}
	if c.MainTitle != nil {
		title = *c.MainTitle
	}
	switch c.CardType {
	case TextNotice:
		f.need("main_title.title or sub_title_text", title.Title != "" || c.SubTitleText != "")
	default:
		f.need("main_title.title", title.Title != "")
	}
	limitTitle, limitDesc := 36, 44
	if c.CardType == VoteInteraction {
		limitTitle, limitDesc = 16, 160
	}
	if c.CardType == MultipleInteraction {
		limitDesc = 160
	}
	f.shown("main_title.title", title.Title, limitTitle)
	f.shown("main_title.desc", title.Desc, limitDesc)
	f.shown("sub_title_text", c.SubTitleText, 160)
	if q := c.QuoteArea; q != nil {
		f.between("quote_area.type", q.Type, 0, 2)
		f.leads("quote_area", q.Type, q.URL, q.AppID)
	}
}

// noticeFaults are those of the two cards that only tell.
func (c TemplateCard) noticeFaults(f *faultList) {
	f.need("card_action", c.CardAction != nil) // 42045
	if e := c.EmphasisContent; e != nil {
		f.shown("emphasis_content.title", e.Title, 14)
		f.shown("emphasis_content.desc", e.Desc, 22)
	}
	f.most("jump_list", len(c.JumpList), 3) // 42042
	for _, j := range c.JumpList {
		f.between("jump_list.type", j.Type, 0, 2)
		f.need("jump_list.title", j.Title != "") // 42033
		f.shown("jump_list.title", j.Title, 18)
		f.leads("jump_list", j.Type, j.URL, j.AppID)
	}
	if c.CardType != NewsNotice {
		return
	}
	f.need("card_image or image_text_area", c.CardImage != nil || c.ImageTextArea != nil)
	if i := c.CardImage; i != nil {
		f.need("card_image.url", hasScheme(i.URL)) // 42044
		// "大于1.3、小于2.25", default 1.3: the default itself is taken.
		if r := i.AspectRatio; r != 0 && !(r >= 1.3 && r < 2.25) {
			f.add(LimitError{Field: "card_image.aspect_ratio", Need: "from 1.3 to below 2.25"})
		}
	}
	if a := c.ImageTextArea; a != nil {
		f.need("image_text_area.image_url", hasScheme(a.ImageURL))
		f.between("image_text_area.type", a.Type, 0, 2)
		f.leads("image_text_area", a.Type, a.URL, a.AppID)
	}
	f.most("vertical_content_list", len(c.VerticalContentList), 4) // 42036
	for _, v := range c.VerticalContentList {
		f.need("vertical_content_list.title", v.Title != "")
		f.shown("vertical_content_list.title", v.Title, 38)
		f.shown("vertical_content_list.desc", v.Desc, 160)
	}
}

func (c TemplateCard) rowFaults(f *faultList) {
	f.most("horizontal_content_list", len(c.HorizontalContentList), 6) // 42035
	for _, r := range c.HorizontalContentList {
		f.between("horizontal_content_list.type", r.Type, 0, 3)
		f.need("horizontal_content_list.keyname", r.KeyName != "") // 42027
		f.shown("horizontal_content_list.keyname", r.KeyName, 5)
		f.shown("horizontal_content_list.value", r.Value, 30)
		switch r.Type {
		case 1:
			f.need("horizontal_content_list.url", hasScheme(r.URL)) // 42028
		case 2:
			f.need("horizontal_content_list.media_id", r.MediaID != "") // 42029
		case 3:
			f.need("horizontal_content_list.userid", r.UserID != "") // 42050
		}
	}
}

func (c TemplateCard) buttonFaults(f *faultList) {
	f.count("button_list", len(c.ButtonList), 1, 6)
	var keys []string
	for _, b := range c.ButtonList {
		f.between("button_list.type", b.Type, 0, 1)
		f.need("button_list.text", b.Text != "") // 42038
		f.shown("button_list.text", b.Text, 10)
		f.between("button_list.style", b.Style, 0, 4)
		if b.Type == 1 {
			f.need("button_list.url", hasScheme(b.URL))
			continue
		}
		f.key("button_list.key", b.Key, maxKey) // 42039
		keys = append(keys, b.Key)
	}
	f.unique("button_list.key", keys)
}

func (s Selection) faults(f *faultList, field string, mayDisable bool) {
	f.key(field+".question_key", s.QuestionKey, maxKey) // 42043
	f.count(field+".option_list", len(s.OptionList), 1, 10)
	if s.Disable && !mayDisable {
		f.add(LimitError{Field: field + ".disable", Need: "only in an update"})
	}
	var ids []string
	for _, o := range s.OptionList {
		f.option(field, o.ID, o.Text, 16)
		ids = append(ids, o.ID)
	}
	f.unique(field+".option_list.id", ids)
}

func (b CheckBox) faults(f *faultList, mayDisable bool) {
	f.key("checkbox.question_key", b.QuestionKey, maxKey)
	f.between("checkbox.mode", b.Mode, 0, 1)
	f.count("checkbox.option_list", len(b.OptionList), 1, 20) // 42037
	if b.Disable && !mayDisable {
		f.add(LimitError{Field: "checkbox.disable", Need: "only in an update"})
	}
	var ids []string
	checked := 0
	for _, o := range b.OptionList {
		f.option("checkbox", o.ID, o.Text, 17)
		ids = append(ids, o.ID)
		if o.IsChecked {
			checked++
		}
	}
	f.unique("checkbox.option_list.id", ids)
	if b.Mode == 0 {
		f.most("checkbox.option_list.is_checked", checked, 1)
	}
}

func (f *faultList) option(field, id, text string, shown int) {
	f.key(field+".option_list.id", id, maxOptionID) // 42040
	f.need(field+".option_list.text", text != "")   // 42041
	f.shown(field+".option_list.text", text, shown)
}

package wecom

import (
	"errors"
	"strings"
	"testing"

	"xunfang/ledger"
)

func options(n int) (o []Option) {
	for i := range n {
		o = append(o, Option{ID: "o" + string(rune('a'+i)), Text: "x"})
	}
	return o
}

func checks(n int) (o []CheckOption) {
	for i := range n {
		o = append(o, CheckOption{ID: "o" + string(rune('a'+i)), Text: "x"})
	}
	return o
}

// The smallest card of each type that WeCom takes (wecom/90236).
var minimal = map[CardType]func() TemplateCard{
	TextNotice: func() TemplateCard {
		return TemplateCard{CardType: TextNotice, MainTitle: &Title{Title: "t"}, CardAction: &CardAction{Type: 1, URL: "https://intra.example/1"}}
	},
	NewsNotice: func() TemplateCard {
		return TemplateCard{CardType: NewsNotice, MainTitle: &Title{Title: "t"}, CardImage: &CardImage{URL: "https://intra.example/p.png"},
			CardAction: &CardAction{Type: 1, URL: "https://intra.example/1"}}
	},
	ButtonInteraction: func() TemplateCard {
		return TemplateCard{CardType: ButtonInteraction, TaskID: "t", MainTitle: &Title{Title: "t"}, ButtonList: []CardButton{{Text: "b", Key: "k"}}}
	},
	VoteInteraction: func() TemplateCard {
		return TemplateCard{CardType: VoteInteraction, TaskID: "t", MainTitle: &Title{Title: "t"},
			CheckBox: &CheckBox{QuestionKey: "q", OptionList: checks(1)}, SubmitButton: &SubmitButton{"s", "k"}}
	},
	MultipleInteraction: func() TemplateCard {
		return TemplateCard{CardType: MultipleInteraction, TaskID: "t", MainTitle: &Title{Title: "t"},
			SelectList: []Selection{{QuestionKey: "q", OptionList: options(1)}}, SubmitButton: &SubmitButton{"s", "k"}}
	},
}

// limits holds what is asked of each field: at the edge it passes, over it the field is named. ok may be nil.
var limits = []struct {
	typ      CardType
	field    string
	ok, over func(*TemplateCard)
}{
	{"hologram", "card_type", nil, func(c *TemplateCard) { c.CardType = "hologram" }},
	{TextNotice, "card_action", nil, func(c *TemplateCard) { c.CardAction = nil }},
	{TextNotice, "card_action.type", nil, func(c *TemplateCard) { c.CardAction.Type = 0 }},
	{TextNotice, "card_action.url", nil, func(c *TemplateCard) { c.CardAction.URL = "intra.example" }},
	{TextNotice, "card_action.appid", func(c *TemplateCard) { c.CardAction = &CardAction{Type: 2, AppID: "a"} }, func(c *TemplateCard) { c.CardAction = &CardAction{Type: 2} }},
	{TextNotice, "card_action.type", nil, func(c *TemplateCard) { c.CardAction.Type = 3 }},
	{TextNotice, "main_title.title or sub_title_text", func(c *TemplateCard) { c.MainTitle, c.SubTitleText = nil, "s" }, func(c *TemplateCard) { c.MainTitle = nil }},
	{TextNotice, "task_id", func(c *TemplateCard) {
		c.ActionMenu = &ActionMenu{ActionList: []MenuAction{{"a", "k"}}}
		c.TaskID = "t"
	},
		func(c *TemplateCard) { c.ActionMenu = &ActionMenu{ActionList: []MenuAction{{"a", "k"}}} }},
	{TextNotice, "source.desc_color", func(c *TemplateCard) { c.Source = &Source{DescColor: 3} }, func(c *TemplateCard) { c.Source = &Source{DescColor: 4} }},
	{TextNotice, "quote_area.type", func(c *TemplateCard) { c.QuoteArea = &Quote{} }, func(c *TemplateCard) { c.QuoteArea = &Quote{Type: 3} }},
	{TextNotice, "quote_area.url", func(c *TemplateCard) { c.QuoteArea = &Quote{Type: 1, URL: "http://u"} }, func(c *TemplateCard) { c.QuoteArea = &Quote{Type: 1} }},
	{TextNotice, "quote_area.appid", func(c *TemplateCard) { c.QuoteArea = &Quote{Type: 2, AppID: "a"} }, func(c *TemplateCard) { c.QuoteArea = &Quote{Type: 2} }},
	{TextNotice, "jump_list", func(c *TemplateCard) { c.JumpList = []Jump{{Title: "a"}, {Title: "b"}, {Title: "c"}} },
		func(c *TemplateCard) { c.JumpList = []Jump{{Title: "a"}, {Title: "b"}, {Title: "c"}, {Title: "d"}} }},
	{TextNotice, "jump_list.title", nil, func(c *TemplateCard) { c.JumpList = []Jump{{}} }},
	{TextNotice, "jump_list.type", nil, func(c *TemplateCard) { c.JumpList = []Jump{{Title: "a", Type: 3}} }},
	{TextNotice, "jump_list.url", func(c *TemplateCard) { c.JumpList = []Jump{{Title: "a", Type: 1, URL: "http://u"}} }, func(c *TemplateCard) { c.JumpList = []Jump{{Title: "a", Type: 1}} }},
	{TextNotice, "jump_list.appid", func(c *TemplateCard) { c.JumpList = []Jump{{Title: "a", Type: 2, AppID: "a"}} }, func(c *TemplateCard) { c.JumpList = []Jump{{Title: "a", Type: 2}} }},
	{TextNotice, "horizontal_content_list", func(c *TemplateCard) { c.HorizontalContentList = rows(6) }, func(c *TemplateCard) { c.HorizontalContentList = rows(7) }},
	{TextNotice, "horizontal_content_list.keyname", nil, func(c *TemplateCard) { c.HorizontalContentList = []Row{{Value: "v"}} }},
	{TextNotice, "horizontal_content_list.type", nil, func(c *TemplateCard) { c.HorizontalContentList = []Row{{KeyName: "k", Type: 4}} }},
	{TextNotice, "horizontal_content_list.url", func(c *TemplateCard) { c.HorizontalContentList = []Row{{KeyName: "k", Type: 1, URL: "http://u"}} }, func(c *TemplateCard) { c.HorizontalContentList = []Row{{KeyName: "k", Type: 1}} }},
	{TextNotice, "horizontal_content_list.media_id", func(c *TemplateCard) { c.HorizontalContentList = []Row{{KeyName: "k", Type: 2, MediaID: "m"}} }, func(c *TemplateCard) { c.HorizontalContentList = []Row{{KeyName: "k", Type: 2}} }},
	{TextNotice, "horizontal_content_list.userid", func(c *TemplateCard) { c.HorizontalContentList = []Row{{KeyName: "k", Type: 3, UserID: "u"}} }, func(c *TemplateCard) { c.HorizontalContentList = []Row{{KeyName: "k", Type: 3}} }},
	{TextNotice, "image_text_area", nil, func(c *TemplateCard) { c.ImageTextArea = &ImageText{ImageURL: "http://u"} }},
	{TextNotice, "card_image", nil, func(c *TemplateCard) { c.CardImage = &CardImage{URL: "http://u"} }},
	{TextNotice, "vertical_content_list", nil, func(c *TemplateCard) { c.VerticalContentList = []Title{{Title: "t"}} }},
	{TextNotice, "button_selection", nil, func(c *TemplateCard) { c.ButtonSelection = &Selection{QuestionKey: "q", OptionList: options(1)} }},
	{TextNotice, "button_list", nil, func(c *TemplateCard) { c.ButtonList = []CardButton{{Text: "b", Key: "k"}} }},
	{TextNotice, "checkbox", nil, func(c *TemplateCard) { c.CheckBox = &CheckBox{QuestionKey: "q", OptionList: checks(1)} }},
	{TextNotice, "select_list", nil, func(c *TemplateCard) { c.SelectList = []Selection{{QuestionKey: "q", OptionList: options(1)}} }},
	{TextNotice, "submit_button", nil, func(c *TemplateCard) { c.SubmitButton = &SubmitButton{"s", "k"} }},
	{TextNotice, "replace_text", nil, func(c *TemplateCard) { c.ReplaceText = "x" }},

	{NewsNotice, "card_image or image_text_area", func(c *TemplateCard) { c.CardImage, c.ImageTextArea = nil, &ImageText{ImageURL: "http://u"} }, func(c *TemplateCard) { c.CardImage = nil }},
	{NewsNotice, "card_image.url", nil, func(c *TemplateCard) { c.CardImage.URL = "" }},
	{NewsNotice, "card_image.aspect_ratio", func(c *TemplateCard) { c.CardImage.AspectRatio = 1.3 }, func(c *TemplateCard) { c.CardImage.AspectRatio = 1.29 }},
	{NewsNotice, "card_image.aspect_ratio", func(c *TemplateCard) { c.CardImage.AspectRatio = 2.24 }, func(c *TemplateCard) { c.CardImage.AspectRatio = 2.25 }},
	{NewsNotice, "image_text_area.image_url", nil, func(c *TemplateCard) { c.ImageTextArea = &ImageText{} }},
	{NewsNotice, "image_text_area.type", nil, func(c *TemplateCard) { c.ImageTextArea = &ImageText{ImageURL: "http://u", Type: 3} }},
	{NewsNotice, "image_text_area.url", nil, func(c *TemplateCard) { c.ImageTextArea = &ImageText{ImageURL: "http://u", Type: 1} }},
	{NewsNotice, "image_text_area.appid", nil, func(c *TemplateCard) { c.ImageTextArea = &ImageText{ImageURL: "http://u", Type: 2} }},
	{NewsNotice, "vertical_content_list", func(c *TemplateCard) { c.VerticalContentList = verticals() }, func(c *TemplateCard) { c.VerticalContentList = append(verticals(), Title{Title: "t"}) }},
	{NewsNotice, "vertical_content_list.title", nil, func(c *TemplateCard) { c.VerticalContentList = []Title{{}} }},
	{NewsNotice, "main_title.title", nil, func(c *TemplateCard) { c.MainTitle = nil }},
	{NewsNotice, "emphasis_content", nil, func(c *TemplateCard) { c.EmphasisContent = &Title{Title: "t"} }},
	{NewsNotice, "sub_title_text", nil, func(c *TemplateCard) { c.SubTitleText = "s" }},

	{ButtonInteraction, "task_id", nil, func(c *TemplateCard) { c.TaskID = "" }},
	{ButtonInteraction, "task_id", func(c *TemplateCard) { c.TaskID = strings.Repeat("t", 128) }, func(c *TemplateCard) { c.TaskID = strings.Repeat("t", 129) }},
	{ButtonInteraction, "task_id", func(c *TemplateCard) { c.TaskID = "aZ09_-@" }, func(c *TemplateCard) { c.TaskID = "a.b" }},
	{ButtonInteraction, "task_id", nil, func(c *TemplateCard) { c.TaskID = "月" }},
	{ButtonInteraction, "main_title.title", nil, func(c *TemplateCard) { c.MainTitle.Title = "" }},
	{ButtonInteraction, "card_action.type", func(c *TemplateCard) { c.CardAction = &CardAction{} }, func(c *TemplateCard) { c.CardAction = &CardAction{Type: -1} }},
	{ButtonInteraction, "jump_list", nil, func(c *TemplateCard) { c.JumpList = []Jump{{Title: "a"}} }},
	{ButtonInteraction, "action_menu.action_list", func(c *TemplateCard) { c.ActionMenu = actions("a", "b", "c") }, func(c *TemplateCard) { c.ActionMenu = actions("a", "b", "c", "d") }},
	{ButtonInteraction, "action_menu.action_list", nil, func(c *TemplateCard) { c.ActionMenu = actions() }},
	{ButtonInteraction, "action_menu.action_list.key", nil, func(c *TemplateCard) { c.ActionMenu = actions("a", "a") }},
	{ButtonInteraction, "action_menu.action_list.key", func(c *TemplateCard) { c.ActionMenu = actions(strings.Repeat("k", 1024)) }, func(c *TemplateCard) { c.ActionMenu = actions(strings.Repeat("k", 1025)) }},
	{ButtonInteraction, "action_menu.action_list.text", nil, func(c *TemplateCard) { c.ActionMenu = actions("a"); c.ActionMenu.ActionList[0].Text = "" }},
	{ButtonInteraction, "button_list", func(c *TemplateCard) { c.ButtonList = buttons(6) }, func(c *TemplateCard) { c.ButtonList = buttons(7) }},
	{ButtonInteraction, "button_list", nil, func(c *TemplateCard) { c.ButtonList = nil }},
	{ButtonInteraction, "button_list.text", nil, func(c *TemplateCard) { c.ButtonList[0].Text = "" }},
	{ButtonInteraction, "button_list.key", nil, func(c *TemplateCard) { c.ButtonList[0].Key = "" }},
	{ButtonInteraction, "button_list.key", func(c *TemplateCard) { c.ButtonList[0].Key = strings.Repeat("k", 1024) }, func(c *TemplateCard) { c.ButtonList[0].Key = strings.Repeat("k", 1025) }},
	{ButtonInteraction, "button_list.key", nil, func(c *TemplateCard) { c.ButtonList = append(c.ButtonList, c.ButtonList[0]) }},
	{ButtonInteraction, "button_list.style", func(c *TemplateCard) { c.ButtonList[0].Style = 4 }, func(c *TemplateCard) { c.ButtonList[0].Style = 5 }},
	{ButtonInteraction, "button_list.type", nil, func(c *TemplateCard) { c.ButtonList[0].Type = 2 }},
	{ButtonInteraction, "button_list.url", func(c *TemplateCard) { c.ButtonList[0] = CardButton{Type: 1, Text: "b", URL: "http://u"} }, func(c *TemplateCard) { c.ButtonList[0] = CardButton{Type: 1, Text: "b"} }},
	{ButtonInteraction, "button_selection.option_list", func(c *TemplateCard) { c.ButtonSelection = &Selection{QuestionKey: "q", OptionList: options(10)} }, func(c *TemplateCard) { c.ButtonSelection = &Selection{QuestionKey: "q", OptionList: options(11)} }},
	{ButtonInteraction, "button_selection.option_list", nil, func(c *TemplateCard) { c.ButtonSelection = &Selection{QuestionKey: "q"} }},
	{ButtonInteraction, "button_selection.question_key", nil, func(c *TemplateCard) { c.ButtonSelection = &Selection{OptionList: options(1)} }},
	{ButtonInteraction, "button_selection.disable", nil, func(c *TemplateCard) {
		c.ButtonSelection = &Selection{QuestionKey: "q", OptionList: options(1), Disable: true}
	}},

	{VoteInteraction, "checkbox", nil, func(c *TemplateCard) { c.CheckBox = nil }},
	{VoteInteraction, "checkbox.option_list", func(c *TemplateCard) { c.CheckBox.OptionList = checks(20) }, func(c *TemplateCard) { c.CheckBox.OptionList = checks(21) }},
	{VoteInteraction, "checkbox.option_list", nil, func(c *TemplateCard) { c.CheckBox.OptionList = nil }},
	{VoteInteraction, "checkbox.option_list.id", func(c *TemplateCard) { c.CheckBox.OptionList[0].ID = strings.Repeat("i", 128) }, func(c *TemplateCard) { c.CheckBox.OptionList[0].ID = strings.Repeat("i", 129) }},
	{VoteInteraction, "checkbox.option_list.id", nil, func(c *TemplateCard) { c.CheckBox.OptionList[0].ID = "" }},
	{VoteInteraction, "checkbox.option_list.id", nil, func(c *TemplateCard) { c.CheckBox.OptionList = append(checks(1), checks(1)...) }},
	{VoteInteraction, "checkbox.option_list.text", nil, func(c *TemplateCard) { c.CheckBox.OptionList[0].Text = "" }},
	{VoteInteraction, "checkbox.mode", func(c *TemplateCard) { c.CheckBox.Mode = 1 }, func(c *TemplateCard) { c.CheckBox.Mode = 2 }},
	{VoteInteraction, "checkbox.question_key", func(c *TemplateCard) { c.CheckBox.QuestionKey = strings.Repeat("q", 1024) }, func(c *TemplateCard) { c.CheckBox.QuestionKey = strings.Repeat("q", 1025) }},
	{VoteInteraction, "checkbox.disable", nil, func(c *TemplateCard) { c.CheckBox.Disable = true }},
	{VoteInteraction, "checkbox.option_list.is_checked",
		func(c *TemplateCard) { c.CheckBox.Mode, c.CheckBox.OptionList = 1, checks(2); tick(c) },
		func(c *TemplateCard) { c.CheckBox.OptionList = checks(2); tick(c) }},
	{VoteInteraction, "submit_button", nil, func(c *TemplateCard) { c.SubmitButton = nil }},
	{VoteInteraction, "submit_button.text", nil, func(c *TemplateCard) { c.SubmitButton.Text = "" }},
	{VoteInteraction, "submit_button.key", nil, func(c *TemplateCard) { c.SubmitButton.Key = "" }},
	{VoteInteraction, "submit_button.key", func(c *TemplateCard) { c.SubmitButton.Key = strings.Repeat("k", 1024) }, func(c *TemplateCard) { c.SubmitButton.Key = strings.Repeat("k", 1025) }},
	{VoteInteraction, "source.desc_color", nil, func(c *TemplateCard) { c.Source = &Source{DescColor: 1} }},
	{VoteInteraction, "action_menu", nil, func(c *TemplateCard) { c.ActionMenu = actions("a") }},
	{VoteInteraction, "quote_area", nil, func(c *TemplateCard) { c.QuoteArea = &Quote{} }},
	{VoteInteraction, "horizontal_content_list", nil, func(c *TemplateCard) { c.HorizontalContentList = rows(1) }},
	{VoteInteraction, "card_action", nil, func(c *TemplateCard) { c.CardAction = &CardAction{Type: 1, URL: "http://u"} }},

	{MultipleInteraction, "select_list", func(c *TemplateCard) { c.SelectList = selects(3) }, func(c *TemplateCard) { c.SelectList = selects(4) }},
	{MultipleInteraction, "select_list", nil, func(c *TemplateCard) { c.SelectList = nil }},
	{MultipleInteraction, "select_list.question_key", nil, func(c *TemplateCard) { c.SelectList = append(selects(1), selects(1)...) }},
	{MultipleInteraction, "select_list.question_key", func(c *TemplateCard) { c.SelectList[0].QuestionKey = strings.Repeat("q", 1024) }, func(c *TemplateCard) { c.SelectList[0].QuestionKey = strings.Repeat("q", 1025) }},
	{MultipleInteraction, "select_list.option_list", func(c *TemplateCard) { c.SelectList[0].OptionList = options(10) }, func(c *TemplateCard) { c.SelectList[0].OptionList = options(11) }},
	{MultipleInteraction, "select_list.option_list.id", func(c *TemplateCard) { c.SelectList[0].OptionList[0].ID = strings.Repeat("i", 128) }, func(c *TemplateCard) { c.SelectList[0].OptionList[0].ID = strings.Repeat("i", 129) }},
	{MultipleInteraction, "select_list.option_list.text", nil, func(c *TemplateCard) { c.SelectList[0].OptionList[0].Text = "" }},
	{MultipleInteraction, "select_list.disable", nil, func(c *TemplateCard) { c.SelectList[0].Disable = true }},
	{MultipleInteraction, "submit_button", nil, func(c *TemplateCard) { c.SubmitButton = nil }},
	{MultipleInteraction, "checkbox", nil, func(c *TemplateCard) { c.CheckBox = &CheckBox{QuestionKey: "q", OptionList: checks(1)} }},
}

func rows(n int) (r []Row) {
	for range n {
		r = append(r, Row{KeyName: "k"})
	}
	return r
}

func verticals() []Title { return []Title{{"a", ""}, {"b", ""}, {"c", ""}, {"d", ""}} }

func actions(keys ...string) *ActionMenu {
	m := &ActionMenu{}
	for _, k := range keys {
		m.ActionList = append(m.ActionList, MenuAction{"a", k})
	}
	return m
}

func buttons(n int) (b []CardButton) {
	for i := range n {
		b = append(b, CardButton{Text: "b", Key: string(rune('a' + i))})
	}
	return b
}

func selects(n int) (s []Selection) {
	for i := range n {
		s = append(s, Selection{QuestionKey: string(rune('a' + i)), OptionList: options(1)})
	}
	return s
}

func tick(c *TemplateCard) {
	for i := range c.CheckBox.OptionList {
		c.CheckBox.OptionList[i].IsChecked = true
	}
}

func TestCardLimits(t *testing.T) {
	for typ, card := range minimal {
		if err := card().Validate(); err != nil {
			t.Errorf("minimal %s: %v", typ, err)
		}
		if f := card().faults(false); len(f) > 0 {
			t.Errorf("minimal %s: %v", typ, f)
		}
	}
	for _, l := range limits {
		make := minimal[l.typ]
		if make == nil {
			make = minimal[TextNotice]
		}
		if l.ok != nil {
			c := make()
			l.ok(&c)
			if err := c.Validate(); err != nil {
				t.Errorf("%s at the edge of %s: %v", l.typ, l.field, err)
			}
		}
		c := make()
		l.over(&c)
		faults := c.faults(false)
		var e *LimitError
		if len(faults) != 1 || !errors.As(faults[0], &e) || e.Field != l.field || e.Soft {
			t.Errorf("%s over the edge of %s: %v", l.typ, l.field, faults)
		}
		if c.Validate() == nil {
			t.Errorf("%s over the edge of %s: valid", l.typ, l.field)
		}
	}
}

// What WeCom takes but a phone cuts off is told, and does not stop a message.
func TestShownLimits(t *testing.T) {
	for _, l := range []struct {
		typ   CardType
		field string
		limit int
		set   func(*TemplateCard, string)
	}{
		{TextNotice, "source.desc", 20, func(c *TemplateCard, s string) { c.Source = &Source{Desc: s} }},
		{TextNotice, "main_title.title", 36, func(c *TemplateCard, s string) { c.MainTitle.Title = s }},
		{TextNotice, "main_title.desc", 44, func(c *TemplateCard, s string) { c.MainTitle.Desc = s }},
		{VoteInteraction, "main_title.title", 16, func(c *TemplateCard, s string) { c.MainTitle.Title = s }},
		{VoteInteraction, "main_title.desc", 160, func(c *TemplateCard, s string) { c.MainTitle.Desc = s }},
		{MultipleInteraction, "main_title.title", 36, func(c *TemplateCard, s string) { c.MainTitle.Title = s }},
		{MultipleInteraction, "main_title.desc", 160, func(c *TemplateCard, s string) { c.MainTitle.Desc = s }},
		{TextNotice, "emphasis_content.title", 14, func(c *TemplateCard, s string) { c.EmphasisContent = &Title{Title: s} }},
		{TextNotice, "emphasis_content.desc", 22, func(c *TemplateCard, s string) { c.EmphasisContent = &Title{Desc: s} }},
		{TextNotice, "sub_title_text", 160, func(c *TemplateCard, s string) { c.SubTitleText = s }},
		{NewsNotice, "vertical_content_list.title", 38, func(c *TemplateCard, s string) { c.VerticalContentList = []Title{{s, ""}} }},
		{NewsNotice, "vertical_content_list.desc", 160, func(c *TemplateCard, s string) { c.VerticalContentList = []Title{{"t", s}} }},
		{TextNotice, "horizontal_content_list.keyname", 5, func(c *TemplateCard, s string) { c.HorizontalContentList = []Row{{KeyName: s}} }},
		{TextNotice, "horizontal_content_list.value", 30, func(c *TemplateCard, s string) { c.HorizontalContentList = []Row{{KeyName: "k", Value: s}} }},
		{TextNotice, "jump_list.title", 18, func(c *TemplateCard, s string) { c.JumpList = []Jump{{Title: s}} }},
		{ButtonInteraction, "button_list.text", 10, func(c *TemplateCard, s string) { c.ButtonList[0].Text = s }},
		{ButtonInteraction, "button_selection.option_list.text", 16, func(c *TemplateCard, s string) {
			c.ButtonSelection = &Selection{QuestionKey: "q", OptionList: []Option{{"o", s}}}
		}},
		{VoteInteraction, "checkbox.option_list.text", 17, func(c *TemplateCard, s string) { c.CheckBox.OptionList[0].Text = s }},
		{VoteInteraction, "submit_button.text", 10, func(c *TemplateCard, s string) { c.SubmitButton.Text = s }},
		{MultipleInteraction, "select_list.option_list.text", 16, func(c *TemplateCard, s string) { c.SelectList[0].OptionList[0].Text = s }},
	} {
		c := minimal[l.typ]()
		l.set(&c, strings.Repeat("月", l.limit))
		if f := c.faults(false); len(f) > 0 {
			t.Errorf("%s %s of %d: %v", l.typ, l.field, l.limit, f)
		}
		l.set(&c, strings.Repeat("月", l.limit+1))
		f := c.faults(false)
		var e *LimitError
		if len(f) != 1 || !errors.As(f[0], &e) || !e.Soft || e.Field != l.field || e.Limit != l.limit || e.Actual != l.limit+1 {
			t.Errorf("%s %s over %d: %v", l.typ, l.field, l.limit, f)
		}
		if err := c.Validate(); err != nil {
			t.Errorf("%s %s: a long text stops the card: %v", l.typ, l.field, err)
		}
		if len(f) > 0 && strings.Contains(f[0].Error(), "月") {
			t.Errorf("the error quotes the text: %v", f[0])
		}
	}
}

func TestValidateUpdate(t *testing.T) {
	for typ, card := range minimal {
		c := card()
		c.TaskID = ""
		if typ != TextNotice && typ != NewsNotice {
			c.ReplaceText = "已记"
		}
		c.SubmitButton = nil
		if c.CheckBox != nil {
			c.CheckBox.Disable = true
		}
		for i := range c.SelectList {
			c.SelectList[i].Disable = true
		}
		if err := c.ValidateUpdate(); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
		c.TaskID = "t"
		if c.ValidateUpdate() == nil {
			t.Errorf("%s: an update with a task_id is taken", typ)
		}
	}
	c := minimal[TextNotice]()
	c.ReplaceText = "x"
	if c.ValidateUpdate() == nil {
		t.Error("a notice has no button to replace")
	}
}

func TestCheck(t *testing.T) {
	ok := ledger.Card{Task: "t", Title: "记一次巡访", Buttons: []ledger.Button{{Key: "k", Text: "确认", Style: 1}}}
	if f := Check(ok, false); len(f) > 0 {
		t.Errorf("%v", f)
	}
	bad := ok
	bad.Buttons = []ledger.Button{{Key: "k", Text: strings.Repeat("长", 11)}, {Key: "k", Text: "b"}}
	f := Check(bad, false)
	if len(f) != 2 {
		t.Fatalf("%v", f)
	}
	soft := 0
	for _, err := range f {
		if e := (*LimitError)(nil); errors.As(err, &e) && e.Soft {
			soft++
		}
	}
	if soft != 1 {
		t.Errorf("one is soft and one is not: %v", f)
	}
	done := ledger.Card{Title: "已记", Done: "已提交"}
	if f := Check(done, true); len(f) > 0 {
		t.Errorf("an update: %v", f)
	}
}

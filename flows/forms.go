package flows

// Forms are all forms; the order is the menu's.
var Forms = []Form{visitForm, helpForm, talkForm, pileForm, mendForm, factForm, passForm, caseForm, standingForm, assignForm, moveForm, correctForm, consentForm,
	leaveForm, backForm, roundForm, roundsForm, needForm, matterForm, urgeForm, wordForm, relayForm}

// MenuEntry is one line of the application menu; keys are what a tap on it reports.
type MenuEntry struct {
	Key, Name string
	Sub       []MenuEntry
}

// Menu is the application menu: three tabs, names within WeCom's 16 bytes (wecom/90231). 巡访 and 紧急 stay one tap away and the third
// tab is full, so 帮扶 and 联系家属 are words; 待办 leads to them, too.
var Menu = []MenuEntry{
	{Key: "visit", Name: "巡访"},
	{Key: "urgent", Name: "紧急"},
	{Name: "我的", Sub: []MenuEntry{
		{Key: "todo", Name: "待办"}, {Key: "roster", Name: "名册"}, {Key: "stats", Name: "统计"}, {Key: "mend", Name: "更正"}, {Key: "help", Name: "帮助"},
	}},
}

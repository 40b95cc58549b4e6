package sim

import "time"

// Rules are switches for what WeCom's documents leave open or contradict; the zero value is our default reading.
// A count of 0 means the documented number, a negative one "no limit" (or "none").
type Rules struct {
	// Callback out.
	RetryOnlyOnTimeout bool          `json:"retry_only_on_timeout"` // path/90930 (off: path/90238, every status but 200 is retried)
	Retries            int           `json:"retries"`               // 3; whether 3 or 1+3 deliveries is not confirmed
	RetryEvery         time.Duration `json:"retry_every"`           // 1 s; spacing is not documented
	AnswerWithin       time.Duration `json:"answer_within"`         // 5 s
	RetrySameEnvelope  bool          `json:"retry_same_envelope"`   // repeats timestamp, nonce and cipher text
	EncryptFirst       bool          `json:"encrypt_first"`         // <Encrypt> before <AgentID>: the examples differ
	SuccessAccepted    bool          `json:"success_accepted"`      // a bare "success" counts as an empty answer
	LenientReply       bool          `json:"lenient_reply"`         // passive replies pass without a right MsgSignature
	PassiveCardIgnored bool          `json:"passive_card_ignored"`  // path/90241's hidden comment: update_* to a tap does nothing
	PassiveUsesCode    bool          `json:"passive_uses_code"`     // a passive card update uses up the tap's ResponseCode

	// Token.
	NewTokenEachTime bool     `json:"new_token_each_time"` // off: same token within validity, not prolonged
	Revoked42001     bool     `json:"revoked_42001"`       // a revoked token is answered 42001 instead of 40014
	BadSecrets       int      `json:"bad_secrets"`         // 20; wrong secrets until the IP is barred for an hour
	TrustedIPs       []string `json:"trusted_ips"`         // empty: any

	// message/send.
	StrictAgentID       bool `json:"strict_agentid"`        // agentid as a JSON string is 40056; SDKs send one
	LongTextRefused     bool `json:"long_text_refused"`     // 45002 (path/90313) instead of the cut of path/90236
	LongMarkdownCut     bool `json:"long_markdown_cut"`     // off: 45002
	EscapesRefused      bool `json:"escapes_refused"`       // a body with \u003c is 40033
	MemberMinute        int  `json:"member_minute"`         // 30 messages to one member
	MemberHour          int  `json:"member_hour"`           // 1000
	DayBudget           int  `json:"day_budget"`            // 200 × account cap (500, or more members) person-times
	CallsPerMinute      int  `json:"calls_per_minute"`      // 10 000 per API, message/send not counted
	MaxParallel         int  `json:"max_parallel"`          // calls of one API at once, then 45033; 0: no limit, no number is documented
	RepeatedTaskAllowed bool `json:"repeated_task_allowed"` // off: 42014

	// Cards.
	ReusedCode42022  bool `json:"reused_code_42022"`  // off: 60140
	EmptyVoteAllowed bool `json:"empty_vote_allowed"` // a check list can be submitted with nothing ticked

	Kf KfRules `json:"kf"` // 微信客服
}

func (r Rules) filled(members int) Rules {
	orInt := func(p *int, d int) {
		if *p == 0 {
			*p = d
		}
	}
	orTime := func(p *time.Duration, d time.Duration) {
		if *p == 0 {
			*p = d
		}
	}
	orInt(&r.Retries, 3)
	orTime(&r.RetryEvery, time.Second)
	orTime(&r.AnswerWithin, 5*time.Second)
	orInt(&r.BadSecrets, 20)
	orInt(&r.MemberMinute, 30)
	orInt(&r.MemberHour, 1000)
	orInt(&r.DayBudget, 200*max(500, members))
	orInt(&r.CallsPerMinute, 10_000)
	r.Kf.fill()
	return r
}

// over says whether n exceeds a limit; negative limits never end.
func over(n, limit int) bool { return limit >= 0 && n > limit }

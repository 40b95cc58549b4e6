package sim

// KfFaults are the switches of what goes wrong in 微信客服.
type KfFaults struct {
	Off      bool `json:"off"`      // 95017: the administrator switched the API off
	Unlisted bool `json:"unlisted"` // 48002: the app is not among 可调用接口的应用

	FailTimes int `json:"fail_times"` // so many sends are accepted and then fail; <0 all
	FailType  int `json:"fail_type"`  // with this fail_type, of which 0 is one, too

	EmptyPages int `json:"empty_pages"` // so many answers of sync_msg are empty although has_more is 1
	ShortPages int `json:"short_pages"` // an answer has no more than so many messages; 0: as many as asked for
	Repeats    int `json:"repeats"`     // every answer begins with so many messages that came before
}

// takeKfFail says whether a message that was accepted fails; it counts.
func (f *Faults) takeKfFail() (failType int, fails bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k := &f.set.Kf
	failType, fails = k.FailType, k.FailTimes != 0
	if k.FailTimes > 0 {
		k.FailTimes--
	}
	return failType, fails
}

type kfPage struct {
	empty         bool
	most, repeats int
}

// takeKfPage says what is odd about an answer of sync_msg; it counts.
func (f *Faults) takeKfPage() kfPage {
	f.mu.Lock()
	defer f.mu.Unlock()
	k := &f.set.Kf
	page := kfPage{k.EmptyPages > 0, k.ShortPages, k.Repeats}
	if page.empty {
		k.EmptyPages--
	}
	return page
}

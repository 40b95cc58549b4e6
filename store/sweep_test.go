package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"xunfang/ledger"
	"xunfang/store"
	"xunfang/store/storetest"
)

// departed is a ledger, some years ago, since the database guards what is younger than three by its own clock:
//
//	with one elder who has records, family, a photo and a past, and a neighbour who stays.
func departed(t *testing.T, driver string, clock *time.Time) *store.Store {
	o := storetest.DSN(t, driver)
	o.Now = func() time.Time { return *clock }
	s := storetest.OpenWith(t, o)
	require.NoError(t, s.Migrate(ctx))
	one := func(id, phone string) ledger.Elder {
		return ledger.Elder{ID: id, Name: "赵测试", Aliases: "赵婶", Gender: "女", Birth: "1948-03-05", IDNumber: "000000194803050019", Phone: phone, Region: "v",
			Address: "村东1号", Lon: 106.1, Lat: 38.2, Health: "高血压", Hardship: "漏雨", LostChild: true, Consent: "2021-01-02"}
	}
	b := ledger.Book{Regions: []ledger.Region{{Code: "v", Name: "村", Level: ledger.LevelVillage}}, People: []ledger.Person{{UserID: "w", Name: "王"}},
		Elders: []ledger.Elder{one("E1", "13900000001"), {ID: "E2", Name: "钱测试", Phone: "13900000002", Region: "v"}},
		Kin:    []ledger.Kin{{ElderID: "E1", Name: "赵小", Phone: "13900000003", Where: "广州", Consent: "2021-01-02"}}, Assignments: []ledger.Assignment{{ElderID: "E1", UserID: "w"}}}
	edit := func(b ledger.Book) {
		_, err := s.SaveBook(ctx, ledger.Edit{Book: b, By: ledger.ByImport, Today: ledger.DayOf(*clock, time.UTC)})
		require.NoError(t, err)
	}
	edit(b)
	edit(ledger.Book{Elders: []ledger.Elder{{ID: "E1", Phone: "13900000009"}}})
	require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{
		Entries:  []ledger.Entry{{Key: "k1", No: "n1", Kind: ledger.KindVisit, ElderID: "E1", UserID: "w", Day: "2021-01-05", Method: ledger.MethodDoor, Outcome: ledger.OutcomeRefused, Note: "不想见", Waiver: "她不愿拍", EnteredAt: *clock}},
		Findings: []ledger.Finding{{Key: "k1/gas", EntryKey: "k1", ElderID: "E1", Item: "gas", Note: "漏气", State: ledger.FindingFixed, At: *clock}},
		Facts:    []ledger.Fact{{Key: "k1/kin", EntryKey: "k1", ElderID: "E1", Field: "kin", Value: "赵小 13900000004", Propose: true, At: *clock}},
		Photos: []ledger.Photo{{Key: "p1", UserID: "w", EntryKey: "k1", State: ledger.PhotoStored, Hash: "h1", Look: "l1", At: *clock},
			{Key: "p2", UserID: "w", State: ledger.PhotoStored, Hash: "h2", At: *clock}},
	}}))
	e, err := s.EntryNo(ctx, "n1")
	require.NoError(t, err)
	now := e
	now.Version, now.Note, now.Pressure, now.Company, now.Late, now.Whom = 2, "今天也不想见", "150/90", "刘测试", "路断了", "赵小"
	require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{
		Amended: []ledger.Amendment{{Key: "a1", Was: e, Now: now, By: "w", Why: "话记错了", At: *clock,
			Findings: []ledger.Finding{{Key: "k1/gas", EntryKey: "k1", ElderID: "E1", Item: "gas", Note: "漏气,关了阀", State: ledger.FindingFixed, At: *clock}}}},
		Reviews: []ledger.Review{{Key: "r1", Kind: ledger.ReviewBurst, UserID: "w", Facts: "x", At: *clock}, {Key: "r2", Kind: ledger.ReviewBurst, UserID: "w", Facts: "y", At: *clock}},
	}}))
	require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Reviewed: []ledger.Reviewed{{Key: "r1", State: ledger.ReviewCleared, By: "t"}}}}))
	edit(ledger.Book{Standings: []ledger.Standing{{ElderID: "E1", Kind: ledger.StandingDied, From: "2021-01-20", Place: "县医院"}}})
	return s
}

func TestEraseLeavesCountsAndNothingPersonal(t *testing.T) {
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) {
			clock := time.Date(2021, 1, 2, 8, 0, 0, 0, time.UTC)
			s := departed(t, driver, &clock)
			var gone []string
			remove := func(hash string) error { gone = append(gone, hash); return nil }
			require.ErrorIs(t, s.Erase(ctx, "E9", "x", "y", remove), store.ErrUnknown)
			require.NoError(t, s.Erase(ctx, "E1", "xumei", "去世满半年", remove))
			assert.Equal(t, []string{"h1"}, gone, "another's photo must stay")

			b, err := s.Book(ctx)
			require.NoError(t, err)
			assert.Equal(t, ledger.Elder{ID: "E1", Name: store.ErasedName, Gender: "女", Birth: "1948-01-01", Region: "v", Since: "2021-01-02"}, b.Elders[0])
			assert.Equal(t, "13900000002", b.Elders[1].Phone, "the neighbour is as before")
			assert.Empty(t, b.Kin)
			assert.Len(t, b.Assignments, 1, "who was responsible stays answerable")
			entries, err := s.Entries(ctx, []string{"E1"}, "2000-01-01")
			require.NoError(t, err)
			require.Len(t, entries, 1, "the record still counts")
			assert.Empty(t, entries[0].Note)
			assert.Equal(t, store.ErasedName, entries[0].Waiver)
			assert.Empty(t, entries[0].Pressure+entries[0].Company+entries[0].Late+entries[0].Whom)
			r, err := s.Record(ctx, "k1")
			require.NoError(t, err)
			require.Len(t, r.Versions, 1, "that it was changed, when and by whom is still told")
			assert.Equal(t, ledger.Amendment{Key: "a1", Was: ledger.Entry{Key: "k1", No: "n1", ElderID: "E1", Version: 1}, Now: entries[0], By: "w", At: r.Versions[0].At}, r.Versions[0])
			assert.Equal(t, ledger.PhotoExpired, r.Photos[0].State)
			assert.Empty(t, r.Photos[0].Look)
			found, err := s.Findings(ctx, []string{"E1"})
			require.NoError(t, err)
			assert.Equal(t, "", found[0].Note)
			facts, err := s.Facts(ctx, []string{"E1"})
			require.NoError(t, err)
			assert.Equal(t, "", facts[0].Value)
			open, err := s.Proposals(ctx, "E1")
			require.NoError(t, err)
			assert.Empty(t, open)
			steps, err := s.History(ctx, "E1", 100)
			require.NoError(t, err)
			assert.Equal(t, "xumei", steps[0].By)
			for _, st := range steps {
				for _, c := range st.Changes {
					assert.Empty(t, c.Was+c.Now, "%s.%s still has a past", c.Table, c.Field)
					assert.NotContains(t, c.Row, "赵小")
				}
			}
			for _, number := range []string{"13900000001", "13900000009", "13900000003"} {
				ids, err := s.ByNumber(ctx, store.LookupPhone, number)
				require.NoError(t, err)
				assert.Empty(t, ids)
			}
			acts := actsOf(t, s, "E1")
			require.Len(t, acts, 2, "the act stays")
			for _, a := range acts {
				assert.NotContains(t, a.Kin, "赵")
				assert.Equal(t, a.Purpose == ledger.PurposeKin, a.Kin != "", "whose act it was is still told")
			}
			_, err = s.AsOf(ctx, clock)
			require.NoError(t, err)
		})
	}
}

func TestSweepSaysWhatItDeletes(t *testing.T) {
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) {
			clock := time.Date(2021, 1, 2, 8, 0, 0, 0, time.UTC)
			s := departed(t, driver, &clock)
			require.NoError(t, s.Receive(ctx, store.Inbound{Key: "m1", User: "w", Raw: []byte("x"), At: clock}))
			in, err := s.Pending(ctx, "w", 9)
			require.NoError(t, err)
			require.NoError(t, s.Commit(ctx, store.Turn{User: "w", State: []byte("{}"), Inbound: []int64{in[0].ID}}))
			require.NoError(t, s.Receive(ctx, store.Inbound{Key: "m2", User: "w", Raw: []byte("x"), At: clock})) // the newest row stays
			require.NoError(t, s.Looked(ctx, ledger.Look{Key: "l1", ElderID: "E2", By: "w", What: ledger.LookCard, At: clock}))
			old, young := told("d1", "w", "old"), told("d2", "w", "young")
			old.Changes.Notices[0].Day, young.Changes.Notices[0].Day = "2021-01-02", "2023-01-26" // 400 days before the last sweep
			require.NoError(t, s.Commit(ctx, old))
			require.NoError(t, s.Commit(ctx, young))
			keep := store.Keep{Messages: 30, Tray: 7, Photos: 730, Departed: 180, Looks: 1100}
			var gone []string
			sweep := func(dry bool) []store.Swept {
				out, err := s.Sweep(ctx, keep, ledger.DayOf(clock, time.UTC), dry, func(hash string) error { gone = append(gone, hash); return nil })
				require.NoError(t, err)
				return out
			}
			assert.Empty(t, sweep(false), "nothing is old yet")
			clock = time.Date(2021, 7, 18, 8, 0, 0, 0, time.UTC) // one day before the elder's data are due
			want := []store.Swept{{Class: "messages", Rows: 1}, {Class: "dialogues", Rows: 1}, {Class: "tray", Rows: 1}}
			assert.Equal(t, want, sweep(true))
			assert.Equal(t, want, sweep(true), "saying deletes nothing")
			assert.Empty(t, gone)
			assert.Equal(t, want, sweep(false))
			assert.Equal(t, []string{"h2"}, gone)
			assert.Empty(t, sweep(false))
			clock = time.Date(2021, 7, 19, 8, 0, 0, 0, time.UTC)
			assert.Equal(t, []store.Swept{{Class: "elders", Rows: 1}}, sweep(false))
			assert.Equal(t, []string{"h2", "h1"}, gone)
			assert.Empty(t, sweep(false))
			clock = time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC)
			swept := sweep(false)
			assert.True(t, slices.Contains(swept, store.Swept{Class: "looks", Rows: 1}), "%v", swept)
			assert.True(t, slices.Contains(swept, store.Swept{Class: "reviews", Rows: 1}), "%v", swept)
			assert.True(t, slices.Contains(swept, store.Swept{Class: "notices", Rows: 1}), "%v", swept)
			assert.Equal(t, []string{"young"}, noticeKeys(t, s))
			reviews, err := s.Reviews(ctx)
			require.NoError(t, err)
			assert.Len(t, reviews, 1, "one that nobody has looked at stays")
			assert.True(t, slices.Contains(swept, store.Swept{Class: "consents", Rows: 2}), "%v", swept)
		})
	}
}

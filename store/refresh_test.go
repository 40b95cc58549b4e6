package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"xunfang/ledger"
	"xunfang/store"
	"xunfang/store/storetest"
)

// After an edit only what changed is read again; the roster must be the one a fresh reader gets.
func TestRosterAfterEdits(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const seed = 20260311
		r := rand.New(rand.NewPCG(seed, 1))
		save(t, s, county(), today)
		for i := range 40 {
			_, err := s.Roster(ctx)
			require.NoError(t, err)
			for range 1 + r.IntN(3) {
				id, user := fmt.Sprint("e", r.IntN(6)), fmt.Sprint("u", r.IntN(4))
				b := ledger.Book{Elders: []ledger.Elder{{ID: id, Name: fmt.Sprint("n", i), Phone: fmt.Sprint(i)}}}
				switch r.IntN(10) {
				case 0:
					b.Assignments = []ledger.Assignment{{ElderID: id, UserID: user}}
				case 1:
					b.Kin = []ledger.Kin{{ElderID: id, Name: fmt.Sprint("k", r.IntN(3)), Phone: fmt.Sprint(i)}}
				case 2:
					b.People = []ledger.Person{{UserID: user, Name: fmt.Sprint("p", i)}}
					b.Posts = []ledger.Post{{UserID: user, Role: ledger.RoleVisitor, Region: fmt.Sprint("v", r.IntN(3))}}
				case 3:
					b.Tierings = []ledger.Tiering{{ElderID: id, Tier: ledger.TierKey}}
				case 4:
					b.Standings = []ledger.Standing{{ElderID: id, From: today.Add(i), Kind: ledger.StandingPaused}}
				case 5:
					b.Regions = []ledger.Region{{Code: fmt.Sprint("v", r.IntN(3)), Name: fmt.Sprint("村", i), Level: ledger.LevelVillage}}
				case 6:
					b.Leaves = []ledger.Leave{{UserID: user, From: today.Add(r.IntN(3)), To: today.Add(i + 3), Deputy: fmt.Sprint("u", r.IntN(4))}}
				case 7:
					b.Rounds = []ledger.Round{{Region: fmt.Sprint("v", r.IntN(3)), Name: "高温", From: today.Add(r.IntN(3)), To: today.Add(i + 3)}}
				case 8:
					b.Follows = []ledger.Follow{{ElderID: id, From: today.Add(r.IntN(3)), To: today.Add(i + 3), No: fmt.Sprint("急", i)}}
				}
				if i%3 == 0 {
					b.Bonds = []ledger.Bond{{ElderID: id, User: fmt.Sprint("kf:", r.IntN(3)), State: ledger.BondAsked, Asked: today.Add(i)}}
					b.Leaflets = []ledger.Leaflet{{ElderID: id, Handle: fmt.Sprint("h", r.IntN(3)), Issued: today.Add(i)}}
				}
				if r.IntN(4) == 0 && i > 5 {
					require.NoError(t, ignoreUnknown(s.Erase(ctx, id, "x", "y", func(string) error { return nil })))
				}
				save(t, s, b, today.Add(r.IntN(3)))
			}
			roster, err := s.Roster(ctx)
			require.NoError(t, err)
			want, err := s.Book(ctx)
			require.NoError(t, err)
			require.Empty(t, gocmp.Diff(want, roster.Book(), cmpopts.EquateEmpty()), "after edit %d", i)
		}
	})
}

func ignoreUnknown(err error) error {
	if errors.Is(err, store.ErrUnknown) {
		return nil
	}
	return err
}

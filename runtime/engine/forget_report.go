package engine

// ForgetReport is what an operator is told of a person who is forgotten: what goes,
// and when nothing of it lies on a disk any more. spec/guarantees.md, "Forgetting", has
// the same with its reasons.
const ForgetReport = `What goes, and when:
- At once, in one transaction: the identifiers, the rows and memberships of the
  person, and what the group remembers under one of their identifiers. Nothing
  finds them any more. The other groups of the program do the same when they read
  the record that tells them, a moment later.
- Soon after, in the background: dead letters of records that named the person or
  gave one of the identifiers, or have one as key. A tombstone takes the place of each.
- What stays, on purpose: a keyed hash of each identifier (HMAC), so that older
  records that are read again do not bring the person back. The memories of dedupe
  hold 128-bit hashes only, and are left until their time is up.
- From the disk of the store: with its next compactions, as other data is written;
  sluice state export --values and sluice state import make a store without it.
  Copies and exports of the state directory are yours to delete.
- From dead topics: when the brokers compact them; the tombstones go, too,
  delete.retention.ms after that.
- Not erased: what was sent, or is under way; the topics that the program reads and
  writes, until their retention is over; requests that webhooks logged, and lines of
  files, in the topics sluice.APP.in.*, and letters that go back to their route in
  sluice.APP.replay.*, which go when every route that reads them has
  taken them, as a rule seconds later (the last line of a file stays); what Segment and other receivers have: ask them; dead letters of records
  that failed above the stage that would have named the person, and have another key.
`

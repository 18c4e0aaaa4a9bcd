-- What PostgreSQL itself refuses about money. Every statement ends with a line that holds only “;;”.
-- The message of a refusal is its code; the SQLSTATE is YJ001. ledger/guarded.py draws the rest.
-- Tables are named with their schema: a temporary table of the same name would stand before them.
-- Everything is spelt as PostgreSQL spells it back, for `verify` compares the texts.

CREATE FUNCTION guard_refuse(code text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'YJ001', MESSAGE = code;
END $$
;;
CREATE FUNCTION guard_never() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'YJ001',
    MESSAGE = TG_TABLE_NAME
      || CASE TG_OP WHEN 'INSERT' THEN '_added' WHEN 'UPDATE' THEN '_changed' ELSE '_removed' END;
END $$
;;
-- Only the named columns change; the first argument is a state in which all may, or empty.
CREATE FUNCTION guard_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state <> TG_ARGV[0] AND to_jsonb(NEW) - TG_ARGV IS DISTINCT FROM to_jsonb(OLD) - TG_ARGV THEN
    PERFORM guard_refuse(TG_TABLE_NAME || '_changed');
  END IF;
  RETURN NEW;
END $$
;;
-- Only the named columns change, and one of them does.
CREATE FUNCTION guard_but() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF to_jsonb(NEW) - TG_ARGV IS DISTINCT FROM to_jsonb(OLD) - TG_ARGV OR to_jsonb(NEW) = to_jsonb(OLD) THEN
    PERFORM guard_refuse(TG_TABLE_NAME || '_changed');
  END IF;
  RETURN NEW;
END $$
;;
-- The column named second takes the third value, once the person whom the first names was erased; no other.
CREATE FUNCTION guard_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF to_jsonb(NEW) ->> TG_ARGV[1] IS DISTINCT FROM to_jsonb(OLD) ->> TG_ARGV[1]
     AND (to_jsonb(NEW) ->> TG_ARGV[1] IS DISTINCT FROM TG_ARGV[2]
          OR NOT EXISTS (SELECT 1 FROM erasure WHERE subject = to_jsonb(OLD) ->> TG_ARGV[0])) THEN
    PERFORM guard_refuse(TG_TABLE_NAME || '_changed');
  END IF;
  RETURN NEW;
END $$
;;
-- A person's key goes once the person was erased.
CREATE FUNCTION guard_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM erasure WHERE subject = OLD.subject) THEN
    PERFORM guard_refuse('person_key_removed');
  END IF;
  RETURN OLD;
END $$
;;
-- The arguments are the columns of the key: what something is called stays.
CREATE FUNCTION guard_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM unnest(TG_ARGV) AS key(name)
             WHERE to_jsonb(NEW)->key.name IS DISTINCT FROM to_jsonb(OLD)->key.name) THEN
    PERFORM guard_refuse(TG_TABLE_NAME || '_renamed');
  END IF;
  RETURN NEW;
END $$
;;
-- The arguments are the steps there are, as made>approved.
CREATE FUNCTION guard_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state <> NEW.state AND NOT OLD.state || '>' || NEW.state = ANY (TG_ARGV) THEN
    PERFORM guard_refuse(TG_TABLE_NAME || '_state');
  END IF;
  RETURN NEW;
END $$
;;
CREATE FUNCTION guard_begin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state <> TG_ARGV[0] THEN PERFORM guard_refuse(TG_TABLE_NAME || '_state'); END IF;
  RETURN NEW;
END $$
;;
-- What is out of its draft was published by somebody other than who drafted it.
CREATE FUNCTION guard_published() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state <> 'draft' AND (NEW.published_by IS NULL OR NEW.published_by = NEW.drafted_by) THEN
    PERFORM guard_refuse(TG_TABLE_NAME || '_by_drafter');
  END IF;
  RETURN NEW;
END $$
;;
-- A posting goes in before its entry and never after. The rows of one statement are looked at together.
CREATE FUNCTION guard_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- so many fen are a thousand times what the country trades in a year, and their sums stay whole numbers;
  -- a limit keeps it to a look in the index for each posting, however many entries there are
  IF EXISTS (SELECT 1 FROM fresh LEFT JOIN LATERAL (
               SELECT e.id FROM public.entry e WHERE e.id = fresh.entry_id LIMIT 1) AS e ON true
             WHERE e.id IS NOT NULL OR fresh.amount_minor = 0
               OR fresh.amount_minor NOT BETWEEN -999999999999999 AND 999999999999999) THEN
    IF EXISTS (SELECT 1 FROM fresh JOIN public.entry e ON e.id = fresh.entry_id) THEN
      PERFORM guard_refuse('posting_after_entry');
    END IF;
    PERFORM guard_refuse('posting_amount');
  END IF;
  RETURN NULL;
END $$
;;
CREATE TRIGGER posting_is_new AFTER INSERT ON posting
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION guard_posting()
;;
-- The trigger above cannot see an entry that another transaction has not committed yet. This one
-- looks again at commit: the entry is there, and one transaction wrote it and all its postings, so
-- that what the entry's own trigger saw is all there is. The first posting adds them up once more.
CREATE FUNCTION guard_posting_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.line = 1 THEN
    IF EXISTS (
        SELECT 1 FROM public.entry e
        WHERE e.id = NEW.entry_id AND (
          SELECT sum(p.amount_minor) = 0 AND bool_and(p.xmin = e.xmin)
          FROM public.posting p WHERE p.entry_id = e.id)) THEN
      RETURN NULL;
    END IF;
  ELSIF EXISTS (
      SELECT 1 FROM public.posting p JOIN public.entry e ON e.id = p.entry_id AND e.xmin = p.xmin
      WHERE p.entry_id = NEW.entry_id AND p.line = NEW.line) THEN
    RETURN NULL;
  END IF;
  PERFORM guard_refuse('entry_unbalanced');
  RETURN NULL;
END $$
;;
CREATE CONSTRAINT TRIGGER posting_at_commit AFTER INSERT ON posting
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION guard_posting_at_commit()
;;
CREATE FUNCTION guard_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  legs record;
  payee text;
BEGIN
  SELECT count(*) AS n, coalesce(sum(p.amount_minor), 0) AS off,
         coalesce(bool_and(p.currency = NEW.currency), true) AS one_currency,
         coalesce(bool_and(p.period = NEW.period), true) AS one_period,
         coalesce(bool_and(k.account IS NOT NULL), true) AS in_row,
         coalesce(bool_and(k.side * p.amount_minor >= 0), true) AS on_side,
         coalesce(bool_and((p.owner <> '') = (k.owned = 1)), true) AS owned
    INTO legs FROM public.posting p
      LEFT JOIN public.entry_kind k ON k.kind = NEW.kind AND k.account = p.account
    WHERE p.entry_id = NEW.id;
  IF legs.n < 2 THEN PERFORM guard_refuse('entry_one_legged'); END IF;
  IF legs.off <> 0 THEN PERFORM guard_refuse('entry_unbalanced'); END IF;
  IF NOT legs.one_currency THEN PERFORM guard_refuse('posting_currency'); END IF;
  IF NOT legs.one_period THEN PERFORM guard_refuse('posting_period'); END IF;
  IF NOT legs.in_row THEN PERFORM guard_refuse('posting_account'); END IF;
  -- what takes an entry back is held against it below, line by line
  IF NOT legs.on_side AND NEW.reverses IS NULL THEN PERFORM guard_refuse('posting_side'); END IF;
  IF NOT legs.owned THEN PERFORM guard_refuse('posting_owner'); END IF;
  IF to_char(NEW.booked_on, 'YYYY-MM') <> NEW.period THEN PERFORM guard_refuse('entry_period'); END IF;
  -- an older snapshot would not see what was committed before the locks below were had
  IF current_setting('transaction_isolation') <> 'read committed' THEN PERFORM guard_refuse('entry_isolation'); END IF;
  PERFORM pg_advisory_xact_lock_shared(hashtextextended('periods', 0));
  IF NOT EXISTS (SELECT 1 FROM public.period WHERE id = NEW.period AND state <> 'closed') THEN
    PERFORM guard_refuse('period_closed');
  END IF;
  IF NEW.kind IN ('payout_made', 'paid_elsewhere') THEN
    FOR payee IN SELECT DISTINCT owner FROM public.posting
      WHERE entry_id = NEW.id AND account = '2202.01' AND amount_minor > 0 ORDER BY owner
    LOOP
      -- under READ COMMITTED two payouts would both pass the sum: one at a time per payee
      PERFORM pg_advisory_xact_lock(hashtextextended('payee:' || payee, 0));
      IF (SELECT sum(amount_minor) FROM public.posting
          WHERE account = '2202.01' AND owner = payee AND currency = NEW.currency) > 0 THEN
        PERFORM guard_refuse('payout_beyond_payable');
      END IF;
    END LOOP;
  END IF;
  -- each question in an IF of its own: one that is not asked opens no table
  IF NEW.reverses IS NOT NULL THEN
    IF legs.n <> (SELECT count(*) FROM public.posting WHERE entry_id = NEW.reverses)
        OR EXISTS (
          SELECT 1 FROM public.posting p WHERE p.entry_id = NEW.id AND NOT EXISTS (
            SELECT 1 FROM public.posting o
            WHERE o.entry_id = NEW.reverses AND o.line = p.line AND o.account = p.account
              AND o.owner = p.owner AND o.amount_minor = -p.amount_minor AND o.currency = p.currency
              AND o.deal_id = p.deal_id AND o.manager_id = p.manager_id AND o.stage = p.stage
              AND o.nature = p.nature)) THEN
      PERFORM guard_refuse('reversal_differs');
    END IF;
    -- what follows from facts is not reversed, nor is a reversal
    IF NOT EXISTS (
        SELECT 1 FROM public.entry o WHERE o.id = NEW.reverses AND o.reverses IS NULL AND NEW.kind =
          CASE o.kind
            WHEN 'fee_invoiced' THEN 'fee_credited' WHEN 'fee_credited' THEN 'fee_invoiced'
            WHEN 'fee_received' THEN 'fee_refunded' WHEN 'fee_refunded' THEN 'fee_received'
            WHEN 'payout_made' THEN 'payout_returned' WHEN 'payout_confirmed' THEN 'payout_bounced'
            WHEN 'estimate' THEN o.kind WHEN 'opening' THEN o.kind WHEN 'paid_elsewhere' THEN o.kind
            WHEN 'tax_remitted' THEN o.kind WHEN 'left_owing' THEN o.kind WHEN 'owing_repaid' THEN o.kind
            WHEN 'owing_written_off' THEN o.kind END) THEN
      PERFORM guard_refuse('reversal_kind');
    END IF;
  ELSIF NEW.kind = 'opening' THEN
    -- opening balances were signed off, and are brought in once
    IF NOT EXISTS (
        SELECT 1 FROM public.cutover c WHERE c.id = NEW.source AND c.state = 'published'
          AND c.period = NEW.period AND c.currency = NEW.currency) THEN
      PERFORM guard_refuse('opening_unsigned');
    END IF;
  END IF;
  -- what the bank answered was reserved before, and is answered once; unless it gave back what it had paid
  IF NEW.kind IN ('payout_confirmed', 'payout_returned') THEN
    IF NOT EXISTS (SELECT 1 FROM public.entry m WHERE m.kind = 'payout_made' AND m.source = NEW.source
                     AND (NEW.kind = 'payout_confirmed' OR m.id = NEW.reverses))
        OR EXISTS (SELECT 1 FROM public.entry a WHERE a.source = NEW.source AND a.kind = 'payout_returned')
        OR (NEW.kind = 'payout_returned'
          AND EXISTS (SELECT 1 FROM public.entry a WHERE a.source = NEW.source AND a.kind = 'payout_confirmed')
          AND NOT EXISTS (SELECT 1 FROM public.entry a WHERE a.source = NEW.source AND a.kind = 'payout_bounced'))
    THEN
      PERFORM guard_refuse('payment_answered');
    END IF;
  END IF;
  IF NEW.kind = 'payout_confirmed' THEN
    IF NOT EXISTS (
        SELECT 1 FROM public.payout_line l
          JOIN public.payout b ON b.id = l.payout_id AND b.state IN ('sent', 'settled')
          JOIN public.payout_approval a
            ON a.payout_id = b.id AND a.digest = b.digest AND a.approved_by <> b.made_by
        WHERE l.id = NEW.source) THEN
      PERFORM guard_refuse('payment_not_approved');
    END IF;
  END IF;
  IF NEW.kind = 'payout_bounced' THEN
    IF NOT EXISTS (
        SELECT 1 FROM public.bounce b JOIN public.entry c ON c.source = b.line_id AND c.kind = 'payout_confirmed'
        WHERE b.line_id = NEW.source AND c.id = NEW.reverses) THEN
      PERFORM guard_refuse('bounce_unknown');
    END IF;
  END IF;
  IF NEW.kind IN ('payout_made', 'payout_confirmed') THEN
    IF NOT EXISTS (
        SELECT 1 FROM public.payout_line l
        WHERE l.id = NEW.source
          AND (SELECT abs(sum(p.amount_minor)) = l.gross_minor AND bool_and(p.owner = l.payout_id)
               FROM public.posting p WHERE p.entry_id = NEW.id AND p.account = '2202.03')
          AND (SELECT coalesce(bool_and(p.owner = l.manager_id), true)
               FROM public.posting p WHERE p.entry_id = NEW.id AND p.account = '2202.01')
          AND l.gross_minor = l.tax_minor + l.vat_minor + l.net_minor
          AND (NEW.kind = 'payout_made' OR (
            SELECT coalesce(-sum(p.amount_minor) FILTER (WHERE p.account = '1002'), 0) = l.net_minor
               AND coalesce(-sum(p.amount_minor) FILTER (WHERE p.account = '2221.12'), 0) = l.tax_minor
               AND coalesce(-sum(p.amount_minor) FILTER (WHERE p.account = '2221.13'), 0) = l.vat_minor
            FROM public.posting p WHERE p.entry_id = NEW.id))) THEN
      PERFORM guard_refuse('payment_differs');
    END IF;
  END IF;
  -- a payee's VAT is set right where a payment of the month came back; no more is given back than was withheld
  IF NEW.kind = 'vat_corrected' THEN
    PERFORM pg_advisory_xact_lock(hashtextextended('payee:' || one.manager_id, 0)) FROM (
      SELECT DISTINCT manager_id FROM public.posting WHERE entry_id = NEW.id ORDER BY 1) AS one;
    IF EXISTS (
        SELECT 1 FROM public.posting p WHERE p.entry_id = NEW.id AND (
          (p.account = '2202.01' AND p.owner <> p.manager_id)
          OR NOT EXISTS (
            SELECT 1 FROM public.payout_line l
            WHERE l.manager_id = p.manager_id AND l.state IN ('returned', 'taken_out', 'bounced')
              AND to_char(l.value_on, 'YYYY-MM') = coalesce(nullif(p.origin, ''), p.period)))) THEN
      PERFORM guard_refuse('vat_correction_differs');
    END IF;
    IF EXISTS (
        SELECT 1 FROM public.posting n
        WHERE n.entry_id = NEW.id AND n.account = '2221.13' AND n.amount_minor > 0 AND (
          SELECT sum(p.amount_minor) FROM public.posting p
          WHERE p.account = '2221.13' AND p.manager_id = n.manager_id AND p.currency = n.currency
            AND coalesce(nullif(p.origin, ''), p.period) = coalesce(nullif(n.origin, ''), n.period)) > 0) THEN
      PERFORM guard_refuse('vat_beyond_withheld');
    END IF;
  END IF;
  RETURN NEW;
END $$
;;
CREATE TRIGGER entry_is_whole BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION guard_entry()
;;
CREATE FUNCTION guard_period() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM public.period WHERE state = 'closed' AND id > NEW.id) THEN
    PERFORM guard_refuse('period_closed');
  END IF;
  RETURN NEW;
END $$
;;
CREATE TRIGGER period_follows BEFORE INSERT ON period FOR EACH ROW EXECUTE FUNCTION guard_period()
;;
-- Whoever closes or opens a month waits for those who post, also one who forgot the lock.
-- A closed month opens again only by a reopening that somebody else agreed to, the last month first;
-- a month is closed only once every earlier one is.
CREATE FUNCTION guard_period_turns() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state <> OLD.state THEN PERFORM pg_advisory_xact_lock(hashtextextended('periods', 0)); END IF;
  IF OLD.state = 'closed' AND NEW.state = 'closed' AND NEW IS DISTINCT FROM OLD THEN
    PERFORM guard_refuse('period_changed');
  END IF;
  IF OLD.state = 'closed' AND NEW.state <> 'closed' THEN
    IF NOT EXISTS (
        SELECT 1 FROM public.reopening r JOIN public.reopening_answer a ON a.reopening_id = r.id
        WHERE r.id = NEW.reopening_id AND a.answer = 'agreed' AND a.answered_by <> r.asked_by
          AND r.period <= NEW.id AND (OLD.closed_at IS NULL OR r.asked_at >= OLD.closed_at)) THEN
      PERFORM guard_refuse('period_reopened_alone');
    END IF;
    IF EXISTS (SELECT 1 FROM public.period WHERE id > NEW.id AND state = 'closed') THEN
      PERFORM guard_refuse('period_reopened_before_later');
    END IF;
  END IF;
  IF OLD.state <> 'closed' AND NEW.state = 'closed'
     AND EXISTS (SELECT 1 FROM public.period WHERE id < NEW.id AND state <> 'closed') THEN
    PERFORM guard_refuse('period_closed_before_earlier');
  END IF;
  RETURN NEW;
END $$
;;
CREATE TRIGGER period_turns BEFORE UPDATE ON period FOR EACH ROW EXECUTE FUNCTION guard_period_turns()
;;
CREATE FUNCTION guard_reopening() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.answer <> 'refused' AND EXISTS (
      SELECT 1 FROM public.reopening WHERE id = NEW.reopening_id AND asked_by = NEW.answered_by) THEN
    PERFORM guard_refuse('reopening_by_asker');
  END IF;
  RETURN NEW;
END $$
;;
CREATE TRIGGER reopening_is_anothers BEFORE INSERT ON reopening_answer
  FOR EACH ROW EXECUTE FUNCTION guard_reopening()
;;
CREATE FUNCTION guard_approval() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  batch record;
  most bigint;
  spent bigint;
BEGIN
  SELECT made_by, digest, state INTO batch FROM public.payout WHERE id = NEW.payout_id;
  IF batch.made_by IN (NEW.approved_by, NEW.seat) THEN PERFORM guard_refuse('approval_by_maker'); END IF;
  IF batch.digest IS DISTINCT FROM NEW.digest THEN PERFORM guard_refuse('approval_differs'); END IF;
  IF EXISTS (SELECT 1 FROM public.user_account u JOIN public.payout_line l ON l.manager_id = u.manager_id
             WHERE l.payout_id = NEW.payout_id AND u.id IN (NEW.approved_by, NEW.seat)) THEN
    PERFORM guard_refuse('approval_of_own');
  END IF;
  IF NEW.amount_minor <> (SELECT coalesce(sum(gross_minor), 0) FROM public.payout_line
                          WHERE payout_id = NEW.payout_id AND state = 'reserved') THEN
    PERFORM guard_refuse('approval_amount');
  END IF;
  -- under READ COMMITTED two approvals would both pass the sum: one at a time per approver and batch
  PERFORM pg_advisory_xact_lock(hashtextextended(one.name, 0)) FROM (
    SELECT unnest(ARRAY['approver:' || NEW.seat, 'batch:' || NEW.payout_id]) AS name ORDER BY 1) AS one;
  IF EXISTS (SELECT 1 FROM public.payout_approval a WHERE a.payout_id = NEW.payout_id AND a.digest = NEW.digest
             AND (a.approved_by IN (NEW.approved_by, NEW.seat) OR a.seat IN (NEW.approved_by, NEW.seat))) THEN
    PERFORM guard_refuse('approval_twice');
  END IF;
  SELECT (p.content->'limits'->>u.role)::bigint INTO most FROM public.payout_policy p, public.user_account u
    WHERE u.id = NEW.seat AND p.state = 'published' AND p.effective_on <= NEW.approved_on
    ORDER BY p.effective_on DESC, p.version DESC LIMIT 1;
  SELECT coalesce(sum(a.amount_minor), 0) INTO spent
    FROM public.payout_approval a JOIN public.payout b ON b.id = a.payout_id
    WHERE a.seat = NEW.seat AND a.approved_on = NEW.approved_on
      AND b.digest = a.digest AND b.state <> 'voided';
  IF most IS NOT NULL AND spent + NEW.amount_minor > most THEN
    PERFORM guard_refuse('approval_limit');
  END IF;
  RETURN NEW;
END $$
;;
-- What is approved is what was made: nobody is added to a batch that was looked at.
CREATE FUNCTION guard_payout_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM public.payout b WHERE b.id = NEW.payout_id AND (
      b.state <> 'made' OR EXISTS (SELECT 1 FROM public.payout_approval a WHERE a.payout_id = b.id))) THEN
    PERFORM guard_refuse('payout_line_late');
  END IF;
  RETURN NEW;
END $$
;;
CREATE TRIGGER payout_line_in_time BEFORE INSERT ON payout_line
  FOR EACH ROW EXECUTE FUNCTION guard_payout_line()
;;
-- As many approve as the policy asks; what is sent is what was approved, and stays it.
CREATE FUNCTION guard_payout() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  given record;
  policy jsonb;
BEGIN
  IF OLD.state IN ('sent', 'settled', 'voided') AND NEW.digest <> OLD.digest THEN
    PERFORM guard_refuse('payout_changed');
  END IF;
  IF NEW.state = 'approved' AND OLD.state <> 'approved' THEN
    SELECT count(*) AS n, max(approved_on) AS day, max(amount_minor) AS gross INTO given
      FROM public.payout_approval WHERE payout_id = NEW.id AND digest = NEW.digest;
    SELECT content INTO policy FROM public.payout_policy
      WHERE state = 'published' AND effective_on <= given.day
      ORDER BY effective_on DESC, version DESC LIMIT 1;
    IF given.n < coalesce((SELECT (band->>1)::int FROM jsonb_array_elements(policy->'bands') band
        WHERE (band->>0)::bigint <= given.gross ORDER BY (band->>0)::bigint DESC LIMIT 1), 1) THEN
      PERFORM guard_refuse('payment_not_approved');
    END IF;
  END IF;
  IF NEW.state = 'sent' AND OLD.state <> 'sent' AND (OLD.state <> 'approved' OR NOT EXISTS (
      SELECT 1 FROM public.payout_approval WHERE payout_id = NEW.id AND digest = NEW.digest)) THEN
    PERFORM guard_refuse('payment_not_approved');
  END IF;
  RETURN NEW;
END $$
;;
CREATE TRIGGER payout_is_approved BEFORE UPDATE ON payout FOR EACH ROW EXECUTE FUNCTION guard_payout()
;;
CREATE TRIGGER approval_is_anothers BEFORE INSERT ON payout_approval
  FOR EACH ROW EXECUTE FUNCTION guard_approval()
;;
-- Posts entries in one round trip. A draft is
-- [kind, source, booked_on, period, currency, summary, deal_id, because, reverses, digest, working,
--  [[account, owner, amount_minor, deal_id, manager_id, stage, origin, nature], ...]].
CREATE FUNCTION journal_post(drafts jsonb, posted_at timestamp with time zone, posted_by text)
RETURNS TABLE(entry_id bigint, digest text, is_new boolean) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  draft jsonb;
BEGIN
  FOR n IN 0 .. jsonb_array_length(drafts) - 1 LOOP
    draft := drafts->n;
    SELECT e.id, e.digest INTO entry_id, digest
      FROM entry e WHERE e.kind = draft->>0 AND e.source = draft->>1;
    is_new := NOT FOUND;
    IF is_new THEN
      entry_id := nextval('entry_id_seq');
      digest := draft->>9;
      IF NOT EXISTS (SELECT 1 FROM period WHERE id = draft->>3) THEN
        -- all that are missing at once, in one order everywhere
        INSERT INTO period (id, state)
          SELECT DISTINCT d.draft->>3, 'open' FROM jsonb_array_elements(drafts) AS d(draft)
          ORDER BY 1 ON CONFLICT DO NOTHING;
      END IF;
      INSERT INTO posting (entry_id, line, account, owner, amount_minor, currency, period,
                           deal_id, manager_id, stage, origin, nature)
        SELECT journal_post.entry_id, p.n, p.leg->>0, p.leg->>1, (p.leg->>2)::bigint, draft->>4, draft->>3,
               p.leg->>3, p.leg->>4, p.leg->>5, p.leg->>6, p.leg->>7
        FROM jsonb_array_elements(draft->11) WITH ORDINALITY AS p(leg, n);
      INSERT INTO entry (id, kind, source, booked_on, period, currency, summary, deal_id,
                         because, reverses, digest, posted_at, posted_by)
        VALUES (journal_post.entry_id, draft->>0, draft->>1, (draft->>2)::date, draft->>3, draft->>4,
                draft->>5, draft->>6, draft->7, (draft->>8)::bigint, journal_post.digest, $2, $3);
      IF jsonb_typeof(draft->10) = 'object' THEN
        INSERT INTO working (entry_id, content) VALUES (journal_post.entry_id, draft->10);
      END IF;
    END IF;
    RETURN NEXT;
  END LOOP;
END $$
;;
-- A block says how many rows it has, so that none can be added to it, nor to one that is not there.
CREATE FUNCTION guard_sealed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fresh LEFT JOIN public.seal_block b ON b.no = fresh.block_no
             WHERE b.no IS NULL OR fresh.line NOT BETWEEN 1 AND b.count) THEN
    PERFORM guard_refuse('sealed_beyond_block');
  END IF;
  RETURN NULL;
END $$
;;
CREATE TRIGGER sealed_is_new AFTER INSERT ON sealed
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION guard_sealed()
;;
CREATE FUNCTION guard_seal_block() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM public.seal_block WHERE no >= NEW.no) THEN
    PERFORM guard_refuse('seal_block_replaced');
  END IF;
  IF NEW.no <> 1 AND NOT EXISTS (
      SELECT 1 FROM public.seal_block WHERE no = NEW.no - 1 AND sha256 = NEW.previous) THEN
    PERFORM guard_refuse('seal_block_follows');
  END IF;
  RETURN NEW;
END $$
;;
CREATE TRIGGER seal_block_follows BEFORE INSERT ON seal_block
  FOR EACH ROW EXECUTE FUNCTION guard_seal_block()
;;
-- Kept balances and totals go in before their snapshot and never after; the balances are zero together,
-- and each total is what its owners have.
CREATE FUNCTION guard_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fresh JOIN public.balance_snapshot s ON s.id = fresh.snapshot_id) THEN
    PERFORM guard_refuse(TG_TABLE_NAME || '_after_snapshot');
  END IF;
  RETURN NULL;
END $$
;;
CREATE TRIGGER kept_balance_in_time AFTER INSERT ON kept_balance
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION guard_kept()
;;
CREATE TRIGGER kept_total_in_time AFTER INSERT ON kept_total
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION guard_kept()
;;
CREATE FUNCTION guard_balance_snapshot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM public.kept_balance k WHERE k.snapshot_id = NEW.id
             GROUP BY k.currency HAVING sum(k.amount_minor) <> 0) THEN
    PERFORM guard_refuse('balance_snapshot_unbalanced');
  END IF;
  IF EXISTS (
      SELECT 1 FROM (
        SELECT account, currency, amount_minor FROM public.kept_balance WHERE snapshot_id = NEW.id
        UNION ALL SELECT account, currency, -amount_minor FROM public.kept_total WHERE snapshot_id = NEW.id) AS held
      GROUP BY account, currency HAVING sum(amount_minor) <> 0) THEN
    PERFORM guard_refuse('balance_snapshot_totals');
  END IF;
  RETURN NEW;
END $$
;;
CREATE TRIGGER balance_snapshot_is_whole BEFORE INSERT ON balance_snapshot
  FOR EACH ROW EXECUTE FUNCTION guard_balance_snapshot()
;;

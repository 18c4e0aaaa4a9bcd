-- What PostgreSQL itself refuses. Every statement ends with a line that holds only “;;”.
-- The message of a refusal is its code; the SQLSTATE is YJ001.

CREATE FUNCTION guard_refuse(code text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'YJ001', MESSAGE = code;
END $$
;;
CREATE FUNCTION guard_never() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'YJ001',
    MESSAGE = TG_TABLE_NAME || CASE TG_OP WHEN 'UPDATE' THEN '_changed' ELSE '_removed' END;
END $$
;;
-- A posting goes in before its entry and never after. The rows of one statement are looked at together.
CREATE FUNCTION guard_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fresh JOIN entry ON entry.id = fresh.entry_id) THEN
    PERFORM guard_refuse('posting_after_entry');
  END IF;
  RETURN NULL;
END $$
;;
CREATE TRIGGER posting_is_new AFTER INSERT ON posting
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION guard_posting()
;;
-- The trigger above cannot see an entry that another transaction has not committed yet. This one
-- looks again at commit: the entry is there and its sum is zero.
CREATE FUNCTION guard_posting_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM entry WHERE id = NEW.entry_id)
     OR (SELECT sum(amount_minor) FROM posting WHERE entry_id = NEW.entry_id) <> 0 THEN
    PERFORM guard_refuse('entry_unbalanced');
  END IF;
  RETURN NULL;
END $$
;;
CREATE CONSTRAINT TRIGGER posting_at_commit AFTER INSERT ON posting
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION guard_posting_at_commit()
;;
CREATE TRIGGER posting_never_changes BEFORE UPDATE OR DELETE ON posting
  FOR EACH ROW EXECUTE FUNCTION guard_never()
;;
CREATE TRIGGER posting_never_emptied BEFORE TRUNCATE ON posting
  FOR EACH STATEMENT EXECUTE FUNCTION guard_never()
;;
CREATE FUNCTION guard_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  legs record;
  payee text;
BEGIN
  SELECT count(*) AS n, coalesce(sum(p.amount_minor), 0) AS off,
         coalesce(bool_and(p.currency = NEW.currency), true) AS one_currency,
         coalesce(bool_and(p.period = NEW.period), true) AS one_period,
         coalesce(bool_and(EXISTS (
           SELECT 1 FROM entry_kind k WHERE k.kind = NEW.kind AND k.account = p.account)), true) AS in_row
    INTO legs FROM posting p WHERE p.entry_id = NEW.id;
  IF legs.n < 2 THEN PERFORM guard_refuse('entry_one_legged'); END IF;
  IF legs.off <> 0 THEN PERFORM guard_refuse('entry_unbalanced'); END IF;
  IF NOT legs.one_currency THEN PERFORM guard_refuse('posting_currency'); END IF;
  IF NOT legs.one_period THEN PERFORM guard_refuse('posting_period'); END IF;
  IF NOT legs.in_row THEN PERFORM guard_refuse('posting_account'); END IF;
  IF to_char(NEW.booked_on, 'YYYY-MM') <> NEW.period THEN PERFORM guard_refuse('entry_period'); END IF;
  PERFORM pg_advisory_xact_lock_shared(hashtextextended('periods', 0));
  IF NOT EXISTS (SELECT 1 FROM period WHERE id = NEW.period AND state <> 'closed') THEN
    PERFORM guard_refuse('period_closed');
  END IF;
  IF NEW.kind IN ('payout_made', 'paid_elsewhere') THEN
    FOR payee IN SELECT DISTINCT owner FROM posting
      WHERE entry_id = NEW.id AND account = '2202.01' AND amount_minor > 0 ORDER BY owner
    LOOP
      -- under READ COMMITTED two payouts would both pass the sum: one at a time per payee
      PERFORM pg_advisory_xact_lock(hashtextextended('payee:' || payee, 0));
      IF (SELECT sum(amount_minor) FROM posting
          WHERE account = '2202.01' AND owner = payee AND currency = NEW.currency) > 0 THEN
        PERFORM guard_refuse('payout_beyond_payable');
      END IF;
    END LOOP;
  END IF;
  RETURN NEW;
END $$
;;
CREATE TRIGGER entry_is_whole BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION guard_entry()
;;
CREATE TRIGGER entry_never_changes BEFORE UPDATE OR DELETE ON entry
  FOR EACH ROW EXECUTE FUNCTION guard_never()
;;
CREATE TRIGGER entry_never_emptied BEFORE TRUNCATE ON entry
  FOR EACH STATEMENT EXECUTE FUNCTION guard_never()
;;
CREATE FUNCTION guard_period() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM period WHERE state = 'closed' AND id > NEW.id) THEN
    PERFORM guard_refuse('period_closed');
  END IF;
  RETURN NEW;
END $$
;;
CREATE TRIGGER period_follows BEFORE INSERT ON period FOR EACH ROW EXECUTE FUNCTION guard_period()
;;
-- A closed month opens again only by a reopening that somebody else agreed to, the last month first;
-- a month is closed only once every earlier one is.
CREATE FUNCTION guard_period_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.id <> OLD.id OR (OLD.state = 'closed' AND NEW.state = 'closed' AND (
      NEW.closed_at IS DISTINCT FROM OLD.closed_at OR NEW.closed_by IS DISTINCT FROM OLD.closed_by)) THEN
    PERFORM guard_refuse('period_changed');
  END IF;
  IF OLD.state = 'closed' AND NEW.state <> 'closed' THEN
    IF NEW.state <> 'reopened' OR NOT EXISTS (
        SELECT 1 FROM reopening r JOIN reopening_answer a ON a.reopening_id = r.id
        WHERE r.id = NEW.reopening_id AND a.answer = 'agreed' AND a.answered_by <> r.asked_by
          AND r.period <= NEW.id AND (OLD.closed_at IS NULL OR r.asked_at >= OLD.closed_at)) THEN
      PERFORM guard_refuse('period_reopened_alone');
    END IF;
    IF EXISTS (SELECT 1 FROM period WHERE id > NEW.id AND state = 'closed') THEN
      PERFORM guard_refuse('period_reopened_before_later');
    END IF;
  END IF;
  IF OLD.state <> 'closed' AND NEW.state = 'closed'
     AND EXISTS (SELECT 1 FROM period WHERE id < NEW.id AND state <> 'closed') THEN
    PERFORM guard_refuse('period_closed_before_earlier');
  END IF;
  RETURN NEW;
END $$
;;
CREATE TRIGGER period_steps BEFORE UPDATE ON period
  FOR EACH ROW EXECUTE FUNCTION guard_period_steps()
;;
CREATE FUNCTION guard_reopening() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.answer <> 'refused' AND EXISTS (
      SELECT 1 FROM reopening WHERE id = NEW.reopening_id AND asked_by = NEW.answered_by) THEN
    PERFORM guard_refuse('reopening_by_asker');
  END IF;
  RETURN NEW;
END $$
;;
CREATE TRIGGER reopening_is_anothers BEFORE INSERT ON reopening_answer
  FOR EACH ROW EXECUTE FUNCTION guard_reopening()
;;
CREATE TRIGGER period_never_goes BEFORE DELETE ON period FOR EACH ROW EXECUTE FUNCTION guard_never()
;;
CREATE FUNCTION guard_approval() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM payout WHERE id = NEW.payout_id AND made_by = NEW.approved_by) THEN
    PERFORM guard_refuse('approval_by_maker');
  END IF;
  RETURN NEW;
END $$
;;
CREATE TRIGGER approval_is_anothers BEFORE INSERT ON payout_approval
  FOR EACH ROW EXECUTE FUNCTION guard_approval()
;;
-- Posts entries in one round trip. A draft is
-- [kind, source, booked_on, period, currency, summary, deal_id, because, reverses, digest, working,
--  [[account, owner, amount_minor, deal_id, manager_id, stage, origin, nature], ...]].
CREATE FUNCTION journal_post(drafts jsonb, posted_at timestamptz, posted_by text)
RETURNS TABLE (entry_id bigint, digest text, is_new boolean) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  ids bigint[];
  fresh boolean[];
BEGIN
  -- sorted before the numbers are drawn: entries are numbered in the order they are given
  SELECT array_agg(coalesce(f.id, nextval('entry_id_seq')) ORDER BY f.n), array_agg(f.id IS NULL ORDER BY f.n)
    INTO ids, fresh
    FROM (SELECT d.n, e.id FROM jsonb_array_elements(drafts) WITH ORDINALITY AS d(draft, n)
          LEFT JOIN entry e ON e.kind = d.draft->>0 AND e.source = d.draft->>1 ORDER BY d.n) f;
  INSERT INTO period (id, state)
    SELECT DISTINCT d.draft->>3, 'open'
    FROM jsonb_array_elements(drafts) WITH ORDINALITY AS d(draft, n)
    WHERE fresh[d.n] AND NOT EXISTS (SELECT 1 FROM period WHERE id = d.draft->>3)
    ORDER BY 1 ON CONFLICT DO NOTHING;
  INSERT INTO posting (entry_id, line, account, owner, amount_minor, currency, period,
                       deal_id, manager_id, stage, origin, nature)
    SELECT ids[d.n], p.n, p.leg->>0, p.leg->>1, (p.leg->>2)::bigint, d.draft->>4, d.draft->>3,
           p.leg->>3, p.leg->>4, p.leg->>5, p.leg->>6, p.leg->>7
    FROM jsonb_array_elements(drafts) WITH ORDINALITY AS d(draft, n),
         jsonb_array_elements(d.draft->11) WITH ORDINALITY AS p(leg, n)
    WHERE fresh[d.n];
  INSERT INTO entry (id, kind, source, booked_on, period, currency, summary, deal_id,
                     because, reverses, digest, posted_at, posted_by)
    SELECT ids[d.n], d.draft->>0, d.draft->>1, (d.draft->>2)::date, d.draft->>3, d.draft->>4, d.draft->>5,
           d.draft->>6, d.draft->7, (d.draft->>8)::bigint, d.draft->>9, $2, $3
    FROM jsonb_array_elements(drafts) WITH ORDINALITY AS d(draft, n)
    WHERE fresh[d.n] ORDER BY d.n;
  INSERT INTO working (entry_id, content)
    SELECT ids[d.n], d.draft->10
    FROM jsonb_array_elements(drafts) WITH ORDINALITY AS d(draft, n)
    WHERE fresh[d.n] AND jsonb_typeof(d.draft->10) = 'object';
  RETURN QUERY
    SELECT ids[d.n], coalesce(e.digest::text, d.draft->>9), fresh[d.n]
    FROM jsonb_array_elements(drafts) WITH ORDINALITY AS d(draft, n)
    LEFT JOIN entry e ON NOT fresh[d.n] AND e.id = ids[d.n]
    ORDER BY d.n;
END $$
;;
-- A block is written after its rows, and takes none later. One sealer at a time writes both.
CREATE FUNCTION guard_plan_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.id, NEW.plan_id, NEW.version, NEW.text, NEW.digest, NEW.currency, NEW.drafted_by)
     IS DISTINCT FROM (OLD.id, OLD.plan_id, OLD.version, OLD.text, OLD.digest, OLD.currency, OLD.drafted_by)
     OR (OLD.state <> 'draft' AND (NEW.effective_on, NEW.published_by, NEW.published_at)
         IS DISTINCT FROM (OLD.effective_on, OLD.published_by, OLD.published_at))
     OR (NEW.state <> OLD.state
         AND (OLD.state, NEW.state) NOT IN (('draft', 'published'), ('published', 'retired'))) THEN
    PERFORM guard_refuse('plan_version_changed');
  END IF;
  IF NEW.state = 'published' AND (NEW.published_by IS NULL OR NEW.published_by = NEW.drafted_by) THEN
    PERFORM guard_refuse('plan_version_by_drafter');
  END IF;
  RETURN NEW;
END $$
;;
CREATE TRIGGER plan_version_never_changes BEFORE UPDATE ON plan_version
  FOR EACH ROW EXECUTE FUNCTION guard_plan_version()
;;
CREATE TRIGGER plan_version_never_goes BEFORE DELETE ON plan_version
  FOR EACH ROW EXECUTE FUNCTION guard_never()
;;
CREATE FUNCTION guard_sealed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fresh JOIN seal_block ON seal_block.no = fresh.block_no) THEN
    PERFORM guard_refuse('sealed_after_block');
  END IF;
  RETURN NULL;
END $$
;;
CREATE TRIGGER sealed_is_new AFTER INSERT ON sealed
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION guard_sealed()
;;
CREATE FUNCTION guard_seal_block() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM seal_block WHERE no >= NEW.no) THEN
    PERFORM guard_refuse('seal_block_replaced');
  END IF;
  IF NEW.no <> 1 AND NOT EXISTS (
      SELECT 1 FROM seal_block WHERE no = NEW.no - 1 AND sha256 = NEW.previous) THEN
    PERFORM guard_refuse('seal_block_follows');
  END IF;
  RETURN NEW;
END $$
;;
CREATE TRIGGER seal_block_follows BEFORE INSERT ON seal_block
  FOR EACH ROW EXECUTE FUNCTION guard_seal_block()
;;

-- What SQLite itself refuses about money. Every statement ends with a line that holds only “;;”.
-- RAISE's text is the code of the refusal. ledger/guarded.py draws the rest.

CREATE TRIGGER posting_is_new BEFORE INSERT ON posting BEGIN
  -- that a posting has its entry is asked by a foreign key at commit, where the connection has them on
  SELECT RAISE(ABORT, 'foreign_keys_off') WHERE (SELECT foreign_keys FROM pragma_foreign_keys) = 0;
  -- INSERT OR REPLACE walks past delete triggers: look before the row goes in
  SELECT RAISE(ABORT, 'posting_replaced')
    WHERE EXISTS (SELECT 1 FROM posting WHERE entry_id = NEW.entry_id AND line = NEW.line);
  SELECT RAISE(ABORT, 'posting_after_entry') WHERE EXISTS (SELECT 1 FROM entry WHERE id = NEW.entry_id);
  -- so many fen are a thousand times what the country trades in a year, and their sums stay whole numbers
  SELECT RAISE(ABORT, 'posting_amount')
    WHERE NEW.amount_minor = 0 OR NEW.amount_minor NOT BETWEEN -999999999999999 AND 999999999999999;
END
;;
CREATE TRIGGER posting_never_changes BEFORE UPDATE ON posting BEGIN
  SELECT RAISE(ABORT, 'posting_changed');
END
;;
CREATE TRIGGER posting_never_goes BEFORE DELETE ON posting BEGIN
  SELECT RAISE(ABORT, 'posting_removed');
END
;;
CREATE TRIGGER entry_is_whole BEFORE INSERT ON entry BEGIN
  SELECT RAISE(ABORT, 'entry_replaced')
    WHERE EXISTS (
      SELECT 1 FROM entry
      WHERE id = NEW.id OR (kind = NEW.kind AND source = NEW.source) OR reverses = NEW.reverses);
  SELECT RAISE(ABORT, 'entry_one_legged')
    WHERE (SELECT count(*) FROM posting WHERE entry_id = NEW.id) < 2;
  SELECT RAISE(ABORT, 'entry_unbalanced')
    WHERE (SELECT sum(amount_minor) FROM posting WHERE entry_id = NEW.id) <> 0;
  SELECT RAISE(ABORT, 'posting_currency')
    WHERE EXISTS (SELECT 1 FROM posting WHERE entry_id = NEW.id AND currency <> NEW.currency);
  SELECT RAISE(ABORT, 'posting_period')
    WHERE EXISTS (SELECT 1 FROM posting WHERE entry_id = NEW.id AND period <> NEW.period);
  SELECT RAISE(ABORT, 'entry_period')
    WHERE substr(NEW.booked_on, 1, 7) <> NEW.period OR date(NEW.booked_on) IS NOT NEW.booked_on;
  SELECT RAISE(ABORT, 'posting_account')
    WHERE EXISTS (
      SELECT 1 FROM posting p WHERE p.entry_id = NEW.id AND NOT EXISTS (
        SELECT 1 FROM entry_kind k WHERE k.kind = NEW.kind AND k.account = p.account));
  -- what takes an entry back is held against it below, line by line
  SELECT RAISE(ABORT, 'posting_side')
    WHERE NEW.reverses IS NULL AND EXISTS (
      SELECT 1 FROM posting p JOIN entry_kind k ON k.kind = NEW.kind AND k.account = p.account
      WHERE p.entry_id = NEW.id AND k.side * p.amount_minor < 0);
  SELECT RAISE(ABORT, 'posting_owner')
    WHERE EXISTS (
      SELECT 1 FROM posting p JOIN entry_kind k ON k.kind = NEW.kind AND k.account = p.account
      WHERE p.entry_id = NEW.id AND (p.owner <> '') <> (k.owned = 1));
  SELECT RAISE(ABORT, 'period_closed')
    WHERE NOT EXISTS (SELECT 1 FROM period WHERE id = NEW.period AND state <> 'closed');
  SELECT RAISE(ABORT, 'reversal_differs')
    WHERE NEW.reverses IS NOT NULL AND (
      (SELECT count(*) FROM posting WHERE entry_id = NEW.id)
        <> (SELECT count(*) FROM posting WHERE entry_id = NEW.reverses)
      OR EXISTS (
        SELECT 1 FROM posting p WHERE p.entry_id = NEW.id AND NOT EXISTS (
          SELECT 1 FROM posting o
          WHERE o.entry_id = NEW.reverses AND o.line = p.line AND o.account = p.account
            AND o.owner = p.owner AND o.amount_minor = -p.amount_minor AND o.currency = p.currency
            AND o.deal_id = p.deal_id AND o.manager_id = p.manager_id AND o.stage = p.stage
            AND o.nature = p.nature)));
  -- what follows from facts is not reversed, nor is a reversal
  SELECT RAISE(ABORT, 'reversal_kind')
    WHERE NEW.reverses IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM entry o WHERE o.id = NEW.reverses AND o.reverses IS NULL AND NEW.kind =
        CASE o.kind
          WHEN 'fee_invoiced' THEN 'fee_credited' WHEN 'fee_credited' THEN 'fee_invoiced'
          WHEN 'fee_received' THEN 'fee_refunded' WHEN 'fee_refunded' THEN 'fee_received'
          WHEN 'payout_made' THEN 'payout_returned' WHEN 'payout_confirmed' THEN 'payout_bounced'
          WHEN 'estimate' THEN o.kind WHEN 'opening' THEN o.kind WHEN 'paid_elsewhere' THEN o.kind
          WHEN 'tax_remitted' THEN o.kind WHEN 'left_owing' THEN o.kind WHEN 'owing_repaid' THEN o.kind
          WHEN 'owing_written_off' THEN o.kind END);
  -- opening balances were signed off, and are brought in once
  SELECT RAISE(ABORT, 'opening_unsigned')
    WHERE NEW.kind = 'opening' AND NEW.reverses IS NULL AND NOT EXISTS (
      SELECT 1 FROM cutover c WHERE c.id = NEW.source AND c.state = 'published'
        AND c.period = NEW.period AND c.currency = NEW.currency);
  SELECT RAISE(ABORT, 'payout_beyond_payable')
    WHERE NEW.kind IN ('payout_made', 'paid_elsewhere') AND EXISTS (
      SELECT 1 FROM (
        SELECT DISTINCT owner FROM posting
        WHERE entry_id = NEW.id AND account = '2202.01' AND amount_minor > 0) paid
      WHERE (SELECT sum(p.amount_minor) FROM posting p
             WHERE p.account = '2202.01' AND p.owner = paid.owner AND p.currency = NEW.currency) > 0);
  -- what the bank answered was reserved before, and is answered once; unless it gave back what it had paid
  SELECT RAISE(ABORT, 'payment_answered')
    WHERE NEW.kind IN ('payout_confirmed', 'payout_returned') AND (
      NOT EXISTS (SELECT 1 FROM entry m WHERE m.kind = 'payout_made' AND m.source = NEW.source
                    AND (NEW.kind = 'payout_confirmed' OR m.id = NEW.reverses))
      OR EXISTS (SELECT 1 FROM entry a WHERE a.source = NEW.source AND a.kind = 'payout_returned')
      OR (NEW.kind = 'payout_returned'
        AND EXISTS (SELECT 1 FROM entry a WHERE a.source = NEW.source AND a.kind = 'payout_confirmed')
        AND NOT EXISTS (SELECT 1 FROM entry a WHERE a.source = NEW.source AND a.kind = 'payout_bounced')));
  SELECT RAISE(ABORT, 'payment_not_approved')
    WHERE NEW.kind = 'payout_confirmed' AND NOT EXISTS (
      SELECT 1 FROM payout_line l
        JOIN payout b ON b.id = l.payout_id AND b.state IN ('sent', 'settled')
        JOIN payout_approval a ON a.payout_id = b.id AND a.digest = b.digest AND a.approved_by <> b.made_by
      WHERE l.id = NEW.source);
  SELECT RAISE(ABORT, 'bounce_unknown')
    WHERE NEW.kind = 'payout_bounced' AND NOT EXISTS (
      SELECT 1 FROM bounce b JOIN entry c ON c.source = b.line_id AND c.kind = 'payout_confirmed'
      WHERE b.line_id = NEW.source AND c.id = NEW.reverses);
  SELECT RAISE(ABORT, 'payment_differs')
    WHERE NEW.kind IN ('payout_made', 'payout_confirmed') AND NOT EXISTS (
      SELECT 1 FROM payout_line l
      WHERE l.id = NEW.source
        AND (SELECT abs(sum(p.amount_minor)) = l.gross_minor AND min(p.owner = l.payout_id)
             FROM posting p WHERE p.entry_id = NEW.id AND p.account = '2202.03')
        AND (SELECT coalesce(min(p.owner = l.manager_id), 1)
             FROM posting p WHERE p.entry_id = NEW.id AND p.account = '2202.01')
        AND l.gross_minor = l.tax_minor + l.vat_minor + l.net_minor
        AND (NEW.kind = 'payout_made' OR (
          SELECT coalesce(-sum(CASE p.account WHEN '1002' THEN p.amount_minor END), 0) = l.net_minor
             AND coalesce(-sum(CASE p.account WHEN '2221.12' THEN p.amount_minor END), 0) = l.tax_minor
             AND coalesce(-sum(CASE p.account WHEN '2221.13' THEN p.amount_minor END), 0) = l.vat_minor
          FROM posting p WHERE p.entry_id = NEW.id)));
  -- a payee's VAT is set right where a payment of the month came back; no more is given back than was withheld
  SELECT RAISE(ABORT, 'vat_correction_differs')
    WHERE NEW.kind = 'vat_corrected' AND EXISTS (
      SELECT 1 FROM posting p WHERE p.entry_id = NEW.id AND (
        (p.account = '2202.01' AND p.owner <> p.manager_id)
        OR NOT EXISTS (
          SELECT 1 FROM payout_line l
          WHERE l.manager_id = p.manager_id AND l.state IN ('returned', 'taken_out', 'bounced')
            AND substr(l.value_on, 1, 7) = coalesce(nullif(p.origin, ''), p.period))));
  SELECT RAISE(ABORT, 'vat_beyond_withheld')
    WHERE NEW.kind = 'vat_corrected' AND EXISTS (
      SELECT 1 FROM posting n
      WHERE n.entry_id = NEW.id AND n.account = '2221.13' AND n.amount_minor > 0 AND (
        SELECT sum(p.amount_minor) FROM posting p
        WHERE p.account = '2221.13' AND p.manager_id = n.manager_id AND p.currency = n.currency
          AND coalesce(nullif(p.origin, ''), p.period) = coalesce(nullif(n.origin, ''), n.period)) > 0);
END
;;
CREATE TRIGGER entry_never_changes BEFORE UPDATE ON entry BEGIN
  SELECT RAISE(ABORT, 'entry_changed');
END
;;
CREATE TRIGGER entry_never_goes BEFORE DELETE ON entry BEGIN
  SELECT RAISE(ABORT, 'entry_removed');
END
;;
CREATE TRIGGER period_follows BEFORE INSERT ON period BEGIN
  SELECT RAISE(ABORT, 'period_closed')
    WHERE EXISTS (SELECT 1 FROM period WHERE state = 'closed' AND id > NEW.id);
END
;;
-- A closed month opens again only by a reopening that somebody else agreed to, the last month first;
-- a month is closed only once every earlier one is.
CREATE TRIGGER period_turns BEFORE UPDATE ON period BEGIN
  SELECT RAISE(ABORT, 'period_changed')
    WHERE OLD.state = 'closed' AND NEW.state = 'closed'
      AND (NEW.closed_at IS NOT OLD.closed_at OR NEW.closed_by IS NOT OLD.closed_by
        OR NEW.reopening_id IS NOT OLD.reopening_id);
  SELECT RAISE(ABORT, 'period_reopened_alone')
    WHERE OLD.state = 'closed' AND NEW.state <> 'closed' AND NOT EXISTS (
      SELECT 1 FROM reopening r JOIN reopening_answer a ON a.reopening_id = r.id
      WHERE r.id = NEW.reopening_id AND a.answer = 'agreed' AND a.answered_by <> r.asked_by
        AND r.period <= NEW.id AND (OLD.closed_at IS NULL OR r.asked_at >= OLD.closed_at));
  SELECT RAISE(ABORT, 'period_reopened_before_later')
    WHERE OLD.state = 'closed' AND NEW.state <> 'closed'
      AND EXISTS (SELECT 1 FROM period WHERE id > NEW.id AND state = 'closed');
  SELECT RAISE(ABORT, 'period_closed_before_earlier')
    WHERE OLD.state <> 'closed' AND NEW.state = 'closed'
      AND EXISTS (SELECT 1 FROM period WHERE id < NEW.id AND state <> 'closed');
END
;;
CREATE TRIGGER reopening_is_anothers BEFORE INSERT ON reopening_answer BEGIN
  SELECT RAISE(ABORT, 'reopening_by_asker')
    WHERE NEW.answer <> 'refused'
      AND EXISTS (SELECT 1 FROM reopening WHERE id = NEW.reopening_id AND asked_by = NEW.answered_by);
END
;;
CREATE TRIGGER approval_is_anothers BEFORE INSERT ON payout_approval BEGIN
  SELECT RAISE(ABORT, 'approval_by_maker')
    WHERE EXISTS (SELECT 1 FROM payout WHERE id = NEW.payout_id AND made_by IN (NEW.approved_by, NEW.seat));
  SELECT RAISE(ABORT, 'approval_differs')
    WHERE NOT EXISTS (SELECT 1 FROM payout WHERE id = NEW.payout_id AND digest = NEW.digest);
  SELECT RAISE(ABORT, 'approval_of_own')
    WHERE EXISTS (SELECT 1 FROM user_account u JOIN payout_line l ON l.manager_id = u.manager_id
                  WHERE l.payout_id = NEW.payout_id AND u.id IN (NEW.approved_by, NEW.seat));
  SELECT RAISE(ABORT, 'approval_amount')
    WHERE NEW.amount_minor <> (SELECT coalesce(sum(gross_minor), 0) FROM payout_line
                               WHERE payout_id = NEW.payout_id AND state = 'reserved');
  SELECT RAISE(ABORT, 'approval_twice')
    WHERE EXISTS (SELECT 1 FROM payout_approval a WHERE a.payout_id = NEW.payout_id AND a.digest = NEW.digest
      AND (a.approved_by IN (NEW.approved_by, NEW.seat) OR a.seat IN (NEW.approved_by, NEW.seat)));
  SELECT RAISE(ABORT, 'approval_limit')
    WHERE NEW.amount_minor + (
        SELECT coalesce(sum(a.amount_minor), 0) FROM payout_approval a JOIN payout b ON b.id = a.payout_id
        WHERE a.seat = NEW.seat AND a.approved_on = NEW.approved_on
          AND b.digest = a.digest AND b.state <> 'voided')
      > (SELECT json_extract(p.content, '$.limits.' || u.role) FROM payout_policy p, user_account u
         WHERE u.id = NEW.seat AND p.state = 'published' AND p.effective_on <= NEW.approved_on
         ORDER BY p.effective_on DESC, p.version DESC LIMIT 1);
END
;;
-- What is approved is what was made: nobody is added to a batch that was looked at.
CREATE TRIGGER payout_line_in_time BEFORE INSERT ON payout_line BEGIN
  SELECT RAISE(ABORT, 'payout_line_late')
    WHERE EXISTS (SELECT 1 FROM payout b WHERE b.id = NEW.payout_id AND (
      b.state <> 'made' OR EXISTS (SELECT 1 FROM payout_approval a WHERE a.payout_id = b.id)));
END
;;
CREATE TRIGGER payout_is_approved BEFORE UPDATE ON payout BEGIN
  SELECT RAISE(ABORT, 'payout_changed')
    WHERE OLD.state IN ('sent', 'settled', 'voided') AND NEW.digest <> OLD.digest;
  SELECT RAISE(ABORT, 'payment_not_approved')
    WHERE NEW.state = 'approved' AND OLD.state <> 'approved' AND (
        SELECT count(*) FROM payout_approval WHERE payout_id = NEW.id AND digest = NEW.digest)
      < coalesce((
        SELECT json_extract(band.value, '$[1]')
        FROM json_each((
          SELECT p.content FROM payout_policy p
          WHERE p.state = 'published' AND p.effective_on <= (
            SELECT max(approved_on) FROM payout_approval WHERE payout_id = NEW.id AND digest = NEW.digest)
          ORDER BY p.effective_on DESC, p.version DESC LIMIT 1), '$.bands') band
        WHERE json_extract(band.value, '$[0]') <= (
          SELECT max(amount_minor) FROM payout_approval WHERE payout_id = NEW.id AND digest = NEW.digest)
        ORDER BY json_extract(band.value, '$[0]') DESC LIMIT 1), 1);
  SELECT RAISE(ABORT, 'payment_not_approved')
    WHERE NEW.state = 'sent' AND OLD.state <> 'sent' AND (OLD.state <> 'approved' OR NOT EXISTS (
      SELECT 1 FROM payout_approval WHERE payout_id = NEW.id AND digest = NEW.digest));
END
;;
CREATE TRIGGER sealed_is_new BEFORE INSERT ON sealed BEGIN
  SELECT RAISE(ABORT, 'sealed_replaced')
    WHERE EXISTS (SELECT 1 FROM sealed WHERE block_no = NEW.block_no AND line = NEW.line)
       OR EXISTS (SELECT 1 FROM sealed WHERE kind = NEW.kind AND row_id = NEW.row_id);
  -- a block says how many rows it has, so that none can be added to it, nor to one that is not there
  SELECT RAISE(ABORT, 'sealed_beyond_block')
    WHERE NOT EXISTS (SELECT 1 FROM seal_block WHERE no = NEW.block_no AND NEW.line BETWEEN 1 AND count);
END
;;
CREATE TRIGGER sealed_never_changes BEFORE UPDATE ON sealed BEGIN
  SELECT RAISE(ABORT, 'sealed_changed');
END
;;
CREATE TRIGGER sealed_never_goes BEFORE DELETE ON sealed BEGIN
  SELECT RAISE(ABORT, 'sealed_removed');
END
;;
CREATE TRIGGER seal_block_follows BEFORE INSERT ON seal_block BEGIN
  SELECT RAISE(ABORT, 'seal_block_replaced')
    WHERE EXISTS (SELECT 1 FROM seal_block WHERE no >= NEW.no OR sha256 = NEW.sha256);
  SELECT RAISE(ABORT, 'seal_block_follows')
    WHERE NEW.no <> 1 AND NOT EXISTS (
      SELECT 1 FROM seal_block WHERE no = NEW.no - 1 AND sha256 = NEW.previous);
END
;;
CREATE TRIGGER seal_block_never_changes BEFORE UPDATE ON seal_block BEGIN
  SELECT RAISE(ABORT, 'seal_block_changed');
END
;;
CREATE TRIGGER seal_block_never_goes BEFORE DELETE ON seal_block BEGIN
  SELECT RAISE(ABORT, 'seal_block_removed');
END
;;
-- Kept balances and totals go in before their snapshot and never after; the balances are zero together,
-- and each total is what its owners have.
CREATE TRIGGER kept_balance_in_time BEFORE INSERT ON kept_balance BEGIN
  SELECT RAISE(ABORT, 'kept_balance_after_snapshot')
    WHERE EXISTS (SELECT 1 FROM balance_snapshot WHERE id = NEW.snapshot_id);
END
;;
CREATE TRIGGER kept_total_in_time BEFORE INSERT ON kept_total BEGIN
  SELECT RAISE(ABORT, 'kept_total_after_snapshot')
    WHERE EXISTS (SELECT 1 FROM balance_snapshot WHERE id = NEW.snapshot_id);
END
;;
CREATE TRIGGER balance_snapshot_is_whole BEFORE INSERT ON balance_snapshot BEGIN
  SELECT RAISE(ABORT, 'balance_snapshot_unbalanced')
    WHERE EXISTS (
      SELECT 1 FROM kept_balance WHERE snapshot_id = NEW.id GROUP BY currency HAVING sum(amount_minor) <> 0);
  SELECT RAISE(ABORT, 'balance_snapshot_totals')
    WHERE EXISTS (
      SELECT 1 FROM (
        SELECT account, currency, amount_minor FROM kept_balance WHERE snapshot_id = NEW.id
        UNION ALL SELECT account, currency, -amount_minor FROM kept_total WHERE snapshot_id = NEW.id)
      GROUP BY account, currency HAVING sum(amount_minor) <> 0);
END
;;

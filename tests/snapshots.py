"""Settlement statements to test with: every figure follows from the few given, so they tie."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from ledger.core import period as periods
from ledger.core.statement import (
    Adjustment,
    Bridge,
    Dispute,
    Further,
    Header,
    Line,
    Month,
    Payee,
    Payout,
    Pending,
    Release,
    Seal,
    Snapshot,
    Step,
    Words,
    YearToDate,
    number,
)

PERIOD = "2026-10"
STAGES = (
    Words(zh="需求挖掘", en="Need discovery"),
    Words(zh="技术寻源", en="Tech sourcing"),
    Words(zh="合同签订", en="Contract signing"),
    Words(zh="完成转化", en="Completion"),
)
SHARES = ("15%", "30%", "30%", "25%")
DEALS = (
    ("视力健康筛查算法成果转化", "津门视觉科技有限公司"),
    ("高温合金粉末制备技术许可", "株洲航材股份有限公司"),
    ("锂电池热管理专利转让", "合肥新能源装备有限公司"),
    ("红外成像芯片联合开发", "西安光电集成技术有限公司"),
    ("工业废水膜处理技术服务", "杭州清源环保有限公司"),
    ("农产品快速检测试剂技术咨询", "天津滨海食品检测有限公司"),
)


def line(i: int, gross_minor: int, held_minor: int = 0, **changes: object) -> Line:
    """The i-th line of a month."""
    title, client = DEALS[i % len(DEALS)]
    stage, share = STAGES[i % 4], SHARES[i % 4]
    given: dict[str, object] = {
        "on": date(2026, 10, 1) + timedelta(days=i % 31),
        "deal_id": f"D-{1001 + i // 2}",
        "deal_title": title,
        "client": client,
        "stage": stage,
        "base_minor": gross_minor * 8,
        "rate": "40%",
        "share": share,
        "gross_minor": gross_minor,
        "held_minor": held_minor,
        "payable_minor": gross_minor - held_minor,
        "entry": f"#{20_400 + 7 * i}",
        "because": Words(
            zh=f"到账居间服务费按 40% 计入佣金池，{stage.zh}占 {share}，本人份额 60/100，暂扣 10% 至完成转化",
            en=f"40% of the fee received goes to the pool, {share} of it to this stage, 60/100 is yours",
        ),
    }
    return Line.model_validate({**given, **changes})


def lines(count: int) -> tuple[Line, ...]:
    """`count` lines of uneven amounts, a tenth of each held."""
    amounts = [123_456 + (i * 7_919_101) % 2_000_003 for i in range(count)]
    return tuple(line(i, amount, amount // 10) for i, amount in enumerate(amounts))


def snapshot(
    lines: tuple[Line, ...] = (),
    *,
    opening_minor: int = 0,
    adjustments: tuple[Adjustment, ...] = (),
    releases: tuple[Release, ...] = (),
    further: tuple[Further, ...] = (),
    payouts: tuple[Payout, ...] = (),
    pending: tuple[Pending, ...] = (),
    currency: str = "CNY",
    closing_words: str = "",
    **header: object,
) -> Snapshot:
    """A statement whose bridge and year follow from its parts."""
    bridge = _bridge(opening_minor, lines, adjustments, releases, further, payouts)
    months = _months(bridge.month_minor)
    year_minor = sum(month.earned_minor for month in months if month.period[:4] == PERIOD[:4])
    payee = Payee(
        id="M1",
        name="张三",
        grade="高级",
        account="招商银行天津分行 6225 **** **** 8812",
        tax_method=Words(zh="平台累计预扣", en="cumulative, by the platform"),
    )
    given: dict[str, object] = {
        "number": number(PERIOD, "M1", 1, currency),
        "kind": "final",
        "revision": 1,
        "platform": "天津市技术转移服务有限公司",
        "payee": payee,
        "period": PERIOD,
        "currency": currency,
        "made_at": datetime(2026, 11, 3, 1, 30, tzinfo=UTC),
        "data_as_of": datetime(2026, 10, 31, 15, 59, 59, tzinfo=UTC),
        "plans": (
            Words(
                zh="天津“平台+职业经理人”标准方案 第 2 版", en="Tianjin platform and professional manager, v2"
            ),
        ),
        "seal": Seal(block=214, sha256="9f2c1e" + "0a" * 29),
    }
    return Snapshot(
        header=Header.model_validate({**given, **header}),
        bridge=bridge,
        lines=lines,
        adjustments=adjustments,
        releases=releases,
        further=further,
        payouts=payouts,
        pending=pending,
        held_minor=sum(item.amount_minor for item in pending if item.kind == "held"),
        expected_minor=sum(item.amount_minor for item in pending if item.kind == "expected"),
        year_to_date=YearToDate(
            earned_minor=year_minor, paid_gross_minor=4_120_000, tax_minor=61_800, net_minor=4_058_200
        ),
        twelve_months=months,
        closing_words=closing_words,
        dispute=Dispute(
            until_on=date(2026, 11, 18),
            how=Words(
                zh="登录平台，在该笔明细上点“提出异议”，写明理由并附材料；只有被提出异议的一笔暂缓，其余照付。",
                en="Sign in and raise a question on the line; only that line waits, the rest is paid.",
            ),
        ),
    )


def _bridge(
    opening_minor: int,
    lines: tuple[Line, ...],
    adjustments: tuple[Adjustment, ...],
    releases: tuple[Release, ...],
    further: tuple[Further, ...],
    payouts: tuple[Payout, ...],
) -> Bridge:
    def gross(nature: str) -> int:
        return sum(item.gross_minor for item in lines if item.nature == nature)

    def moved(*what: str) -> int:
        return sum(p.gross_minor for p in payouts if any(step.what in what for step in p.steps))

    paid = [p for p in payouts if any(step.what == "confirmed" for step in p.steps)]
    rows = {
        "earned_minor": gross("earned"),
        "adjustments_minor": gross("adjusted") + sum(item.difference_minor for item in adjustments),
        "clawed_back_minor": gross("clawed_back"),
        "held_minor": -sum(i.held_minor for i in lines) - sum(i.held_minor for i in adjustments),
        "released_minor": sum(item.amount_minor for item in releases),
        "in_approval_minor": moved("sent") - moved("made"),
        "in_transit_minor": moved("confirmed") - moved("sent"),
        "rejected_minor": moved("returned", "bounced"),
        "paid_net_minor": -sum(p.net_minor for p in paid),
        "paid_tax_minor": -sum(p.tax_minor for p in paid),
        "paid_elsewhere_minor": -moved("paid_elsewhere"),
    }
    for item in further:
        rows[f"{item.row}_minor"] = rows.get(f"{item.row}_minor", 0) + item.amount_minor
    return Bridge(opening_minor=opening_minor, closing_minor=opening_minor + sum(rows.values()), **rows)


def _months(last_minor: int) -> tuple[Month, ...]:
    months = tuple(periods.span("2025-11", "2026-09"))
    earned = [(i * 733_331) % 2_500_000 for i in range(len(months))]
    return (
        *(
            Month(period=month, earned_minor=earned_minor)
            for month, earned_minor in zip(months, earned, strict=True)
        ),
        Month(period=PERIOD, earned_minor=last_minor),
    )


def ordinary(count: int = 20) -> Snapshot:
    """A full month: lines, a late fact, a release, a payout confirmed and one in approval."""
    return snapshot(
        lines(count),
        opening_minor=2_350_000,
        adjustments=(
            Adjustment(
                origin="2026-08",
                on=date(2026, 10, 12),
                deal_id="D-0917",
                deal_title="光伏组件回收工艺转让",
                stage=STAGES[1],
                old_minor=360_000,
                new_minor=288_000,
                difference_minor=-72_000,
                held_minor=-7_200,
                entry="#20431",
                reason=Words(zh="8 月到账后退款 3,000.00 元，按原比例冲回", en="fee refunded in part"),
            ),
        ),
        releases=(
            Release(
                on=date(2026, 10, 20),
                deal_id="D-0880",
                deal_title="水性涂料配方技术许可",
                stage=STAGES[2],
                amount_minor=45_000,
                entry="#20477",
                because=Words(zh="完成转化已核实，暂扣释放", en="completion verified"),
            ),
        ),
        payouts=(
            Payout(
                reference="FK-2026-09-0012-M1",
                gross_minor=2_350_000,
                tax_minor=35_250,
                net_minor=2_314_750,
                steps=(
                    Step(what="sent", on=date(2026, 10, 9)),
                    Step(what="confirmed", on=date(2026, 10, 10)),
                ),
                tax_working=(
                    Words(zh="累计收入 41,200.00，累计费用 20% 即 8,240.00，累计减除费用 20,000.00"),
                    Words(zh="应纳税所得额 12,960.00 × 3% − 0.00 − 已预扣 353.55 = 35.25"),
                ),
            ),
            Payout(
                reference="FK-2026-10-0003-M1",
                gross_minor=500_000,
                net_minor=500_000,
                steps=(Step(what="made", on=date(2026, 10, 30)),),
            ),
        ),
        pending=(
            Pending(
                kind="held",
                deal_id="D-1001",
                deal_title=DEALS[0][0],
                stage=STAGES[0],
                amount_minor=180_000,
                waits_for=Words(zh="完成转化核实", en="completion to be verified"),
            ),
            Pending(
                kind="held",
                deal_id="D-1003",
                deal_title=DEALS[2][0],
                stage=STAGES[1],
                amount_minor=52_340,
                waits_for=Words(zh="暂扣满 90 天", en="90 days"),
                expected_on=date(2027, 1, 8),
            ),
            Pending(
                kind="expected",
                deal_id="D-1002",
                deal_title=DEALS[1][0],
                stage=STAGES[2],
                amount_minor=1_200_000,
                waits_for=Words(zh="居间服务费到账", en="the fee to arrive"),
                expected_on=date(2026, 12, 15),
            ),
        ),
    )

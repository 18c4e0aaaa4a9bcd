"""Names out of word lists: enterprises, institutes, people and projects that do not exist.

Enterprises are called after the sixty pairs of the old calendar (甲子, 乙丑, ...), institutes after
rivers and hills, people by a common surname with two common characters.
"""

from __future__ import annotations

from ledger.city.draw import Draw

STEMS = "甲乙丙丁戊己庚辛壬癸"
BRANCHES = "子丑寅卯辰巳午未申酉戌亥"
BRANDS = tuple(STEMS[i % 10] + BRANCHES[i % 12] for i in range(60))

# What an enterprise's name says it makes → what its projects are about.
INDUSTRIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("轨道装备", ("高速列车受电弓", "城轨车辆转向架", "机车牵引电机", "列车制动盘", "动车组车门系统")),
    ("轨道信号", ("列车运行控制软件", "轨道电路", "车载通信网关", "道岔转辙机", "站台门控制器")),
    ("航空动力", ("涡轴发动机燃烧室", "中小型航空发动机压气机", "涡轮叶片", "航空减速器齿轮", "燃油喷嘴")),
    ("通用航空", ("轻型运动飞机机翼", "无人机复合材料桨叶", "航电综合显示器", "机载姿态传感器", "起落架")),
    ("硬质合金", ("超细晶硬质合金棒材", "数控刀片涂层", "矿用凿岩钎头", "盾构刀具", "钨钴废料")),
    ("新材料", ("碳纤维预浸料", "高纯钛粉", "陶瓷基复合材料", "石墨烯导热膜", "聚氨酯弹性体")),
    ("功率半导体", ("绝缘栅双极型晶体管模块", "碳化硅器件", "变流器散热基板", "门极驱动电路", "晶闸管")),
    ("电力电子", ("储能变流器", "光伏逆变器", "充电桩电源模块", "有源滤波装置", "直流断路器")),
    ("新能源汽车", ("动力电池包", "驱动电机控制器", "整车热管理系统", "线控转向机构", "轻量化车身骨架")),
    ("生物医药", ("缓释微球制剂", "中药配方颗粒", "体外诊断试剂", "骨修复材料", "疫苗冻干工艺")),
    ("医疗器械", ("角膜塑形镜", "便携超声探头", "康复训练外骨骼", "血液透析膜", "眼底影像分析软件")),
    ("智能装备", ("焊接机器人", "五轴加工中心主轴", "柔性装配线", "机器视觉检测台", "仓储搬运小车")),
    ("环保", ("含重金属废水", "冶炼烟气余热", "工业固废", "挥发性有机物", "土壤修复药剂")),
    ("信息", ("工业互联网平台", "设备数字孪生系统", "边缘计算网关", "北斗定位终端", "供应链溯源系统")),
    ("陶瓷新材", ("电瓷绝缘子", "釉下五彩装饰工艺", "蜂窝陶瓷载体", "氧化铝陶瓷基片", "日用瓷自动成型线")),
    ("烟花安防", ("无硫发射药", "烟花自动装药线", "引线阻燃涂层", "涉药车间监控系统", "燃放控制器")),
    ("现代农业", ("油茶果采后处理线", "黄桃保鲜工艺", "水稻育秧基质", "生猪粪污资源化装置", "茶叶杀青机")),
)
DISTRICTS = ("", "天元", "荷塘", "芦淞", "石峰", "渌口", "醴陵", "攸县", "茶陵", "炎陵")
FORMS = ("有限公司", "科技有限公司", "股份有限公司", "实业有限公司", "工程有限公司")
CLIENTS = len(BRANDS) * len(INDUSTRIES) * len(DISTRICTS) * len(FORMS)
_STRIDE = 7_919  # prime and no divisor of CLIENTS: neighbours in number are strangers in name

ASPECTS = (
    "疲劳寿命评估",
    "在线监测",
    "轻量化设计",
    "制备工艺优化",
    "可靠性验证",
    "故障预测",
    "能耗优化",
    "表面强化",
    "国产化替代",
    "智能检测",
    "结构仿真",
    "回收再利用",
    "质量追溯",
    "性能提升",
    "中试放大",
    "产线改造",
)
ENDINGS = {
    "development": ("技术开发", "关键技术研发", "样机研制", "合作开发"),
    "service": ("技术服务", "检测与技术服务", "技术支持与培训", "工程技术服务"),
    "transfer": ("专利转让", "专利申请权转让", "技术秘密转让"),
    "license": ("专利实施许可", "技术秘密许可", "软件使用许可"),
    "consulting": ("技术咨询", "可行性论证", "技术评估咨询"),
}

BASES = ("渌江", "洣水", "罗霄", "云阳山", "湘东", "神农谷", "白关", "空灵岸", "酒埠江", "仙庾岭")
INSTITUTES = ("理工大学", "科技大学", "工业学院", "材料研究院", "装备技术研究所", "应用技术研究院")
SOURCES = tuple(base + institute for institute in INSTITUTES for base in BASES)

SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹"
    "彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金"
)
GIVEN = (
    "明华文建国志强海波晓军伟平丽敏静芳燕玲娟英霞秀兰梅红玉洁雪琴云"
    "欣怡佳慧思雨子轩浩然宇航博涛鹏飞俊杰凯旋昊天一诺安宁远清和正德"
)
PEOPLE = len(SURNAMES) * len(GIVEN) * len(GIVEN)
_PEOPLE_STRIDE = 104_729


def client(number: int, place: str) -> str:
    """The enterprise of a number below CLIENTS; no two share a name."""
    number, brand = divmod(number * _STRIDE % CLIENTS, len(BRANDS))
    number, industry = divmod(number, len(INDUSTRIES))
    form, district = divmod(number, len(DISTRICTS))
    return f"{place}{DISTRICTS[district]}{BRANDS[brand]}{INDUSTRIES[industry][0]}{FORMS[form]}"


def topics(number: int) -> tuple[str, ...]:
    """What the enterprise of that number has projects about."""
    return INDUSTRIES[number * _STRIDE % CLIENTS // len(BRANDS) % len(INDUSTRIES)][1]


def title(draw: Draw, number: int, category: str) -> str:
    """A project of the enterprise of that number: the thing, what is done to it, by which contract."""
    return draw.pick(topics(number)) + draw.pick(ASPECTS) + draw.pick(ENDINGS[category])


def person(number: int, first: int) -> str:
    """The name of the person of a number below PEOPLE, counted on from `first`; no two share one."""
    number = (number + first) * _PEOPLE_STRIDE % PEOPLE
    number, surname = divmod(number, len(SURNAMES))
    return SURNAMES[surname] + "".join(GIVEN[place] for place in divmod(number, len(GIVEN)))

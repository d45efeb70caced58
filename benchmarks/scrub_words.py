"""Words of the made notes: people, places, sentences. A slot in braces is filled by `scrub_notes`;
every other word of a sentence must survive scrubbing. Readings of Chinese names are written out
here, so that no library that scrubbing uses stands behind the gold."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pools:
    """What one half draws from."""

    female: list[str]
    male: list[str]
    last: list[str]
    streets: list[str]
    towns: list[str]
    heads: list[str]
    sentences: list[str]
    medicine: list[str]
    general: dict[str, list[str]]


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines() if line.strip()]


_EN_HEADS = _lines("""
Patient: {name}
Name: {name} MRN: {mrn}
RE: {name}
Dear colleague, thank you for referring {name}.
""")
_EN_SENTENCES = _lines("""
{name} was seen today for a routine visit.
{first} reports no change in vision.
{first} is a pleasant patient who lives alone.
Mr. {last} was advised to stop smoking.
I spoke with {first} about the plan.
ms {lastlower} denies chest pain today.
The patient's MRN is {mrn}.
Call back at {phone}.
Home phone: {phone}
SSN {id} on file.
Identity confirmed by SSN ending in {last4}.
Lives at {address}.
Mailing address: {address}
Driver's license {licence} was checked.
Accompanied by {kin}, who agrees.
Next of kin: {kin}
{name}'s medications were reviewed.
We discussed this with {name} and all questions were answered.
Née {maiden}.
cc: {name}
Dictated by {staff}.
Seen with Dr. {staff} in clinic.
Attending: {staff}
Contact by e-mail: {email}
Portal: {url}
The {age}-year-old neighbour drove the patient home.
Transferred from {hospital} last night.
Plate number {plate} was noted by security.
""")
_EN_SEALED = _lines("""
Signed consent was obtained from {name} before the procedure.
{first} denies headache and nausea.
Spoke to {first} by telephone, number {phone}.
Mrs. {last} tolerated the injection well.
Chart of {name} reviewed, record {mrn}.
Patient resides at {address}.
Emergency contact: {kin}
Verified last four of SSN: {last4}
Assisted by {staff}.
Formerly {maiden}.
Send results to {email}
The woman aged {age} in the next bed shared her experience.
Outside records from {hospital} were requested.
Thank you, {first}, for coming in.
""")
_EN_MEDICINE = _lines("""
Will return in two weeks.
May repeat the test in 3 months.
Mark the site before surgery.
Rose bengal staining was negative.
Parkinson disease is stable on Sinemet.
History of Alzheimer disease in the family.
Bell's palsy resolved without sequelae.
Holter monitor showed no pauses.
Killip class II on arrival.
LVEF by Simpson biplane was 45%.
Goldmann applanation tonometry 16 mmHg in the right eye and 18 mmHg in the left.
Humphrey visual field 24-2 was reliable.
BP 120/80 mmHg, HR 72 bpm, SpO2 98%.
Visual acuity 20/40 OD and 20/25 OS.
Strength 5/5 in all limbs, reflexes 2+.
NIHSS 3/42, mRS 2.
She will continue metoprolol 25 mg twice daily.
Lisinopril was increased to 20 mg.
There was a short episode of brown discharge.
Skin is warm, white sclera, no green sputum.
HbA1c 7.2 %, LDL 101 mg/dL, NT-proBNP 1850 pg/mL.
Hope is to avoid surgery.
The long and short saphenous veins were patent.
Young adults have a better prognosis.
Grace period for the form ends soon.
The page was sent to the surgeon on call.
Cup to disc ratio 0.4 in both eyes.
Horner syndrome was excluded.
Wood lamp examination was normal.
Follow up in 6 weeks with fasting labs.
Foley catheter in place, output 1200 mL.
Wells score 1.5, low risk.
Glasgow coma scale 15.
Cook medical stent 3.5 x 18 mm was placed.
INR 2.3 on warfarin 5 mg.
""")
_EN_GENERAL = {
    "email": ["jo.######@mailhost.com", "contact_######@clinic.org"],
    "url": ["https://portal.example.com/p/######", "www.myhealth######.net"],
    "plate": ["ABC-####1".replace("####", "482"), "7KLM######"[:9]],
    "hospital": ["Mercy Valley Hospital", "St. Vincent Hospital", "Northgate Medical Center"],
}
ENGLISH: dict[str, Pools] = {
    "tuned": Pools(
        female="Rose Grace Hope May Faith Joy Margaret Theresa Katherine Dolores Yolanda Bernadette Priya "
        "Mei Guadalupe Siobhan Ingrid Fatima Olga Renée Zoë Latoya Consuelo".split(),
        male="Will Mark Art Rob Frank Grant Jack Christopher Alejandro Jamal Dmitri Rajesh Hiroshi "
        "Bartholomew Cornelius Thaddeus José Björn Kwame Tyrone Leopold".split(),
        last="Young White Brown Long Short Page Bell Parkinson Smith Goodwin Hernandez Kowalczyk O'Brien "
        "Nakamura Schwarzenegger Vandenberg Oyelaran McAllister Smith-Jones Fitzpatrick Rodriguez Abernathy "
        "Lindqvist Moreau Papadopoulos Weatherby Cook Wells Wood Holter".split(),
        streets=["Maple Grove Road", "Harbor View Drive", "Washington Street Apt 4B", "Schumm Parade Suite 48",
                 "Old Mill Lane", "Wilderman Rapid"],
        towns="Springfield Worcester Reading Cambridge Chicopee Framingham".split(),
        heads=_EN_HEADS, sentences=_EN_SENTENCES, medicine=_EN_MEDICINE, general=_EN_GENERAL,
    ),
    "sealed": Pools(
        female="Ruby Pearl Olive Ivy Violet April June Dawn Gwendolyn Marisol Annabelle Xiomara Henrietta "
        "Josephine Noreen Padma Svetlana Aaliyah Chloë Ximena Ottoline".split(),
        male="Bill Pat Gene Dean Chase Miles Drew Maximilian Sebastian Ignatius Demetrius Mohammed Vikram "
        "Anders Fergus Lamar Nicodemus Percival Raúl Søren".split(),
        last="Price Black Green Stone Moore Hill Baker Ward Simpson Alzheimer Humphrey Castellanos Winterbottom "
        "Okonkwo Szymanski D'Angelo Yamaguchi Hollingsworth Featherstone MacGillivray Garcia-Lopez Delacroix "
        "Johansson Villanueva Thistlewood Bancroft Fisher Foley Hoffmann".split(),
        streets=["Cedar Hollow Lane", "Lakeshore Boulevard", "Commonwealth Avenue Unit 12", "Rutherford Trail",
                 "Saint Botolph Street", "Kuhic Meadow Apt 71"],
        towns="Lowell Brockton Salem Quincy Holyoke Pittsfield".split(),
        heads=_EN_HEADS, sentences=[*_EN_SENTENCES[:14], *_EN_SEALED], medicine=_EN_MEDICINE,
        general=_EN_GENERAL,
    ),
}
_ZH_HEADS = _lines("""
姓名：{name}  性别：女  年龄：56岁
患者{name}，因视物模糊3天入院。
姓名:{name} 住院号:{mrn}
""")
_ZH_SENTENCES = _lines("""
患者{name}今日一般情况可。
{name}，男，63岁，门诊就诊。
{surname}先生诉头晕。
{surname}某既往体健。
小{surname}来复诊。
家属称{given}平时血压高。
身份证号：{id}。
身份证后四位{last4}。
联系电话：{phone}。
手机{phone}，请随访。
现住址：{address}。
患者住{address}，独居。
工作单位：{employer}。
联系人：{kin}，电话{kinphone}。
家属{kin}代诉病史。
健康卡号{card2}。
住院号：{mrn}。
医师签名：{staff}
{staff}主任医师查房。
请{staff}教授会诊。
英文名 {pinyin}，护照一致。
Patient {pinyin} was seen in the international clinic.
微信号：{chat}。
车牌{plate}停于急诊门口。
邻床老人{age}岁。
由{hospital}转入。
银行卡{card}。
""")
_ZH_SEALED = _lines("""
本人{name}已阅读并同意。
今日与{name}及家属沟通病情。
电话随访{phone}，{name}接听。
{surname}女士术后恢复好。
老{surname}一人在家。
家住{address}。
其子{kin}陪同。
记录者：{staff}
术者：{staff}
证件号 {id}，核对无误。
尾号{last4}的就诊卡遗失。
曾就诊于{hospital}。
Name: {pinyin}, follow-up in 3 months.
""")
_ZH_MEDICINE = _lines("""
左房扩张明显，二尖瓣轻度反流。
高敏肌钙蛋白I 12.5ng/L。
颈项强直阴性，克氏征阴性。
患者安静入睡，呼吸平稳。
黄斑水肿较前减轻，白内障术后。
帕金森病，口服美多芭125mg tid。
安定5mg肌注后平静。
高血压3级，很高危，血压165/95mmHg。
视力右眼0.5，左眼指数/30cm，眼压18mmHg。
LVEF 55%，左室舒张末内径46mm。
NIHSS评分6分，mRS 2分。
Killip II级，NYHA III级。
华法林2.5mg qd，INR 2.1。
白细胞计数正常，蛋白尿阴性。
双下肢水肿明显，压痛阳性。
石膏固定4周，常规换药。
阳性体征：双肺底湿啰音。
光反射灵敏，瞳孔等大等圆，直径3mm。
平素体健，否认过敏史。
文化程度高中，易激动。
方法：局麻下行玻璃体腔注药术。
单侧肢体无力3/5级。
经治疗后缓解，同意出院。
时有胸闷，向左肩放射，休息5分钟缓解。
查体：神志清，精神可，颈软。
红细胞4.5×10^12/L，血小板210×10^9/L。
建国饭店附近摔倒，明显疼痛。
张口受限，水平眼震，超声提示彩超所见。
""")
_ZH_GENERAL = {
    "chat": ["wx_zhang######", "lucky######"],
    "plate": ["京A#####", "粤B·#####"],
    "hospital": ["南京市鼓楼医院", "成都市第三人民医院", "华山医院"],
    "employer": ["东风机械制造厂", "市自来水公司", "第三中学"],
}
_ZH_MALE = "伟 强 磊 军 明 阳 建国 志强 国庆 德明 永福 文博 家骏 光辉 福生 晓东 浩然 子轩 俊杰 鹏飞 立新 振华".split()
_ZH_FEMALE = "敏 静 丽 红梅 秀英 桂兰 春华 淑芬 晓燕 美玲 雪梅 惠芳 佳慧 雨欣 文静 玉珍 海燕 婷婷 思源 雅琴".split()
_ZH_LAST = "王 李 张 刘 陈 杨 黄 赵 周 吴 徐 孙 马 朱 胡 林 郭 何 高 罗 欧阳 司马 安 白 方 江 时 于".split()
_ZH_LAST_B = "郑 梁 谢 宋 唐 许 邓 冯 韩 曹 曾 彭 萧 蔡 潘 田 董 袁 余 叶 蒋 杜 苏 程 诸葛 上官 石 常 向 单 金 项".split()
CHINESE: dict[str, Pools] = {
    "tuned": Pools(
        female=_ZH_FEMALE[:10], male=_ZH_MALE[:11], last=_ZH_LAST,
        streets="中关村大街 建设路 人民路 解放大道 文化巷 和平里".split(),
        towns="北京市海淀区 江苏省南京市玄武区 四川省成都市武侯区 浙江省杭州市西湖区".split(),
        heads=_ZH_HEADS, sentences=_ZH_SENTENCES, medicine=_ZH_MEDICINE, general=_ZH_GENERAL,
    ),
    "sealed": Pools(
        female=_ZH_FEMALE[10:], male=_ZH_MALE[11:], last=_ZH_LAST_B,
        streets="南京东路 青年街 珞喻路 新华西街 桃园弄 友谊大道".split(),
        towns="上海市黄浦区 湖北省武汉市江岸区 广东省深圳市南山区 山东省青岛市市南区".split(),
        heads=_ZH_HEADS, sentences=[*_ZH_SENTENCES[:16], *_ZH_SEALED], medicine=_ZH_MEDICINE,
        general=_ZH_GENERAL,
    ),
}
DOUBLE = ("欧阳", "司马", "诸葛", "上官")
PINYIN = dict(
    pair.split(":")
    for pair in (
        "王:wang 李:li 张:zhang 刘:liu 陈:chen 杨:yang 黄:huang 赵:zhao 周:zhou 吴:wu 徐:xu 孙:sun 马:ma "
        "朱:zhu 胡:hu 林:lin 郭:guo 何:he 高:gao 罗:luo 欧阳:ouyang 司马:sima 安:an 白:bai 方:fang 江:jiang "
        "时:shi 于:yu 郑:zheng 梁:liang 谢:xie 宋:song 唐:tang 许:xu 邓:deng 冯:feng 韩:han 曹:cao 曾:zeng "
        "彭:peng 萧:xiao 蔡:cai 潘:pan 田:tian 董:dong 袁:yuan 余:yu 叶:ye 蒋:jiang 杜:du 苏:su 程:cheng "
        "诸葛:zhuge 上官:shangguan 石:shi 常:chang 向:xiang 单:shan 金:jin 项:xiang 伟:wei 强:qiang 磊:lei "
        "军:jun 明:ming 阳:yang 建:jian 国:guo 志:zhi 庆:qing 德:de 永:yong 福:fu 文:wen 博:bo 家:jia 骏:jun "
        "光:guang 辉:hui 生:sheng 晓:xiao 东:dong 浩:hao 然:ran 子:zi 轩:xuan 俊:jun 杰:jie 鹏:peng 飞:fei "
        "立:li 新:xin 振:zhen 华:hua 敏:min 静:jing 丽:li 红:hong 梅:mei 秀:xiu 英:ying 桂:gui 兰:lan 春:chun "
        "淑:shu 芬:fen 燕:yan 美:mei 玲:ling 雪:xue 惠:hui 芳:fang 佳:jia 慧:hui 雨:yu 欣:xin 玉:yu 珍:zhen "
        "海:hai 婷:ting 思:si 源:yuan 雅:ya 琴:qin"
    ).split()
)
TONED = dict(
    pair.split(":")
    for pair in "伟:wěi 强:qiáng 建:jiàn 国:guó 明:míng 志:zhì 丽:lì 静:jìng 敏:mǐn 华:huá 晓:xiǎo 文:wén".split()
)

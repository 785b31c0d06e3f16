"""Spellings, misspellings and synonyms that the attacks swap in. Written for this project.

Small tables: docs/faithfulness.md says how they differ from RAID's. One entry a word; related
forms are made by their endings.
"""

from __future__ import annotations

from collections.abc import Mapping

Swaps = Mapping[str, tuple[str, ...]]

# American and British beginnings of words, then the endings that both take.
_OUR = (
    "arbor armor behavior candor clamor color demeanor discolor endeavor favor fervor flavor "
    "harbor honor humor labor misdemeanor neighbor odor parlor rancor rigor rumor savior savor "
    "splendor tumor valor vapor vigor dishonor"
)
_IZE = (
    "agon apolog author brutal capital categor central character civil colon crystal critic custom "
    "decentral demoral digit democrat econom emphas energ equal fantas fertil final formal general "
    "glamor global harmon hospital hypnot ideal immun individual industrial initial institutional "
    "internal ital jeopard legal legitim liberal local magnet marginal material maxim mechan memor "
    "minim mobil modern monopol national natural neutral normal optim organ ostrac patron penal "
    "personal polar popular priorit privat public random rational real recogn reorgan revital "
    "revolution scrutin sensational social special stabil standard steril stigmat subsid summar "
    "symbol sympath synthes terror theor traumat trivial urban util vandal verbal victim visual "
    "vocal vulcan"
)
_LL = (
    "cancel channel counsel cruel dial duel enamel equal fuel funnel grovel jewel label level "
    "libel marshal marvel model panel pedal pencil quarrel refuel relabel remodel revel rival "
    "shovel signal spiral squirrel swivel total travel tunnel unravel"
)
_ENDINGS = {
    "our": ("", "s", "ed", "ing", "ful", "less", "able", "ably", "al", "er", "ers", "ite", "ites",
            "hood", "hoods", "y"),
    "ise": ("e", "es", "ed", "ing", "ation", "ations", "er", "ers", "ational"),
    "ll": ("ed", "ing", "er", "ers", "or", "ors"),
}  # fmt: skip
_SPELLINGS = (
    "aging ageing, airplane aeroplane, airplanes aeroplanes, aluminum aluminium, analog analogue, "
    "analyze analyse, analyzed analysed, analyzes analyses, analyzing analysing, anesthesia "
    "anaesthesia, anesthetic anaesthetic, archeology archaeology, artifact artefact, artifacts "
    "artefacts, ax axe, caliber calibre, catalog catalogue, cataloged catalogued, catalogs "
    "catalogues, catalyze catalyse, catalyzed catalysed, center centre, centered centred, "
    "centering centring, centers centres, cesarean caesarean, chili chilli, cozy cosy, curb kerb, "
    "curbs kerbs, defense defence, defenses defences, dialog dialogue, dialogs dialogues, diarrhea "
    "diarrhoea, donut doughnut, donuts doughnuts, encyclopedia encyclopaedia, enroll enrol, "
    "enrollment enrolment, estrogen oestrogen, feces faeces, fetal foetal, fetus foetus, fiber "
    "fibre, fiberglass fibreglass, fibers fibres, fulfill fulfil, fulfillment fulfilment, gray "
    "grey, grayed greyed, grayer greyer, grays greys, gynecology gynaecology, hemoglobin "
    "haemoglobin, hemorrhage haemorrhage, inquire enquire, inquiries enquiries, inquiry enquiry, "
    "installment instalment, installments instalments, jewelry jewellery, judgment judgement, "
    "judgments judgements, kilometer kilometre, kilometers kilometres, leukemia leukaemia, license "
    "licence, licenses licences, liter litre, liters litres, luster lustre, maneuver manoeuvre, "
    "maneuvered manoeuvred, maneuvers manoeuvres, meager meagre, meter metre, meters metres, mold "
    "mould, molded moulded, molds moulds, mom mum, moms mums, mustache moustache, offense offence, "
    "offenses offences, orthopedic orthopaedic, pajamas pyjamas, paralyze paralyse, paralyzed "
    "paralysed, paralyzing paralysing, pediatric paediatric, pediatrician paediatrician, plow "
    "plough, plowed ploughed, plows ploughs, practicing practising, pretense pretence, program "
    "programme, programs programmes, prologs prologues, saber sabre, skeptic sceptic, skeptical "
    "sceptical, skepticism scepticism, skeptics sceptics, skillful skilful, smolder smoulder, "
    "smoldering smouldering, somber sombre, specter spectre, specialty speciality, sulfur sulphur, "
    "theater theatre, theaters theatres, thru through, tire tyre, tires tyres, toward towards, "
    "traveler traveller, travelers travellers, willful wilful, woolen woollen, worshiped "
    "worshipped, worshiping worshipping, yogurt yoghurt, jeweler jeweller, kidnaped kidnapped, "
    "distill distil, instill instil, mollusk mollusc, neighborhood neighbourhood, omelet omelette, "
    "peddler pedlar, sanitarium sanatorium, whiskey whisky, among amongst, while whilst, learned "
    "learnt, burned burnt, dreamed dreamt, spelled spelt, spilled spilt, spoiled spoilt, leaped "
    "leapt, leaned leant"
)
_MISSPELLINGS = (
    "absence abscence, accidentally accidently, accommodate accomodate, achieve acheive, acquire "
    "aquire, address adress, again agian, against aganist, all al, almost allmost, also aslo, "
    "although althought, always allways, amateur amatuer, among amoung, and adn, another anohter, "
    "any nay, apparent apparant, are aer, argument arguement, around arround, available availible, "
    "basically basicly, beautiful beutiful, because becuase, become becom, been ben, before befor, "
    "beginning begining, being bieng, believe beleive, between betwen, business buisness, but btu, "
    "calendar calender, can cna, certain certian, changing changeing, children childern, come "
    "comne, committee commitee, completely completly, could coudl, country coutry, day dya, "
    "definitely definately, different diffrent, difficult dificult, disappear dissapear, "
    "disappoint dissapoint, does dose, down donw, during durring, each eahc, embarrass embarass, "
    "end edn, environment enviroment, especially especialy, even evne, every evrey, exactly "
    "exactley, example exemple, existence existance, experience experiance, family familly, "
    "february febuary, few fwe, finally finaly, first frist, for fro, foreign foriegn, forty "
    "fourty, found fuond, friend freind, friends freinds, from form, getting geting, government "
    "goverment, group gorup, guarantee garantee, had hda, happened happend, has hsa, have ahve, "
    "having haveing, heard herad, height heigth, her hre, here heer, high hihg, him hmi, his hsi, "
    "home hoem, house hosue, how hwo, however howver, immediately immediatly, important importent, "
    "in ni, independent independant, information infomation, interest intrest, interesting "
    "intresting, into inot, is si, it ti, just jsut, keep kepe, kind knid, know konw, knowledge "
    "knowlege, language langauge, large lareg, last lsat, later latter, learn laern, leave laeve, "
    "library libary, life lief, like liek, likely likley, little litle, long logn, look loko, made "
    "maed, make maek, making makeing, man amn, many mnay, may amy, maybe mabye, million milion, "
    "minute minuite, money mony, more mroe, morning mornign, most mots, mother mohter, much mcuh, "
    "must msut, my ym, national nationl, necessary neccessary, need nede, never nevr, new enw, "
    "next nxet, night nihgt, no on, not nto, noticeable noticable, now nwo, number nubmer, "
    "occasion occassion, occurred occured, of fo, often offen, old odl, one oen, only olny, "
    "opportunity oportunity, or ro, other otehr, our oru, out otu, over ovre, own onw, part prat, "
    "particular particuler, people poeple, perhaps prehaps, person persn, piece peice, place "
    "palce, point piont, possible posible, president presedent, probably probaly, problem probelm, "
    "public publik, question queston, quite quiet, really realy, receive recieve, received "
    "recieved, recommend reccomend, right rihgt, said siad, same smae, say asy, school shcool, "
    "second secnod, see ese, seem seme, separate seperate, several severel, she hse, should shoud, "
    "similar similiar, since sicne, small smal, so os, some soem, something somthing, special "
    "speical, started startted, state sate, still stil, strength strenght, success sucess, such "
    "shuc, surprise suprise, system sytem, take taek, than then, that taht, the teh, their thier, "
    "them tehm, then than, there ther, therefore therfore, these tehse, they thye, thing thign, "
    "things thigns, think thnik, this tihs, those thsoe, thought thougth, three threee, through "
    "throught, time tiem, to ot, together togehter, tomorrow tommorow, too to, truly truely, turn "
    "trun, two tow, under udner, until untill, up pu, upon upno, us su, use ues, usually usualy, "
    "very vrey, want wnat, war wra, was wsa, water watre, way wya, we ew, week wekk, weird wierd, "
    "well wel, were wree, what waht, when wehn, where wehre, whether wether, which wich, while "
    "whiel, white whtie, who hwo, whole whoel, why wyh, will wil, with wiht, within withing, "
    "without wihtout, woman womna, women womne, word wrod, work wrok, working workign, world "
    "wrold, would woudl, writing writting, written writen, year yaer, years yeras, you yuo, young "
    "yuong, your yuor"
)
_SYNONYMS = (
    "able capable, about around, above over, accept agree, across over, act behave, actually "
    "really, add include, admit acknowledge, afraid scared, aim goal, allow permit, almost nearly, "
    "also additionally, always constantly, amount quantity, ancient old, angry furious, announce "
    "declare, announced declared, answer reply, appear seem, appeared seemed, area region, areas "
    "regions, argue contend, argued contended, arrive come, ask request, asked requested, attack "
    "assault, attempt try, attempts tries, bad poor, based founded, beautiful lovely, because "
    "since, began started, begin start, beginning start, behind after, believe think, believed "
    "thought, best finest, big large, bigger larger, bit piece, boss manager, bring carry, build "
    "construct, building structure, built constructed, business company, buy purchase, call name, "
    "called named, calm quiet, campaign drive, car vehicle, care concern, case instance, cases "
    "instances, cause reason, caused produced, chance opportunity, change alter, changed altered, "
    "changes alterations, cheap inexpensive, chief main, child kid, children kids, choose pick, "
    "city town, claim assert, claimed asserted, clear obvious, clearly obviously, close near, come "
    "arrive, common usual, community society, company firm, companies firms, complete finish, "
    "completely entirely, concerned worried, consider regard, contain hold, continue proceed, "
    "continued proceeded, control command, cost price, costs prices, country nation, countries "
    "nations, couple pair, create make, created made, crime offence, current present, currently "
    "presently, cut reduce, danger risk, dangerous risky, deal agreement, death demise, decide "
    "determine, decided determined, decision choice, describe depict, described depicted, "
    "different distinct, difficult hard, discover find, discuss debate, discussion debate, doctor "
    "physician, early initial, earlier previously, easily simply, easy simple, effect impact, "
    "effects impacts, effort attempt, efforts attempts, end finish, ended finished, enemy foe, "
    "enjoy like, enough sufficient, entire whole, especially particularly, establish found, event "
    "occurrence, events occurrences, everybody everyone, everyone everybody, evidence proof, "
    "exactly precisely, example instance, expect anticipate, expected anticipated, explain "
    "clarify, explained clarified, fact truth, fall drop, fast quick, father dad, fear dread, feel "
    "sense, feeling sensation, fight battle, final last, finally eventually, find discover, fine "
    "good, finish complete, first initial, follow pursue, form shape, former previous, found "
    "discovered, friend pal, friends pals, full complete, future coming, game match, games "
    "matches, gave handed, get obtain, getting obtaining, gift present, give provide, given "
    "provided, giving providing, goal aim, good fine, government administration, great excellent, "
    "group band, groups bands, grow increase, guess suppose, happen occur, happened occurred, "
    "happy glad, hard difficult, help aid, helped aided, hide conceal, high tall, higher greater, "
    "hit strike, hold keep, home house, hope wish, huge enormous, human person, idea notion, ideas "
    "notions, illegal unlawful, important significant, improve better, include contain, included "
    "contained, includes contains, including containing, increase rise, increased raised, "
    "information data, inside within, intelligent clever, interesting intriguing, issue matter, "
    "issues matters, job position, jobs positions, join enter, keep retain, kept retained, kid "
    "child, kids children, kill slay, killed slain, kind sort, kinds sorts, know understand, known "
    "understood, lack absence, land ground, large big, larger bigger, last final, later "
    "afterwards, law rule, laws rules, lead guide, leader head, leaders heads, learn discover, "
    "leave depart, left departed, let allow, level degree, life existence, like enjoy, likely "
    "probable, limit restrict, line row, list catalogue, little small, live reside, lives resides, "
    "living residing, local nearby, long lengthy, look glance, looked glanced, looking glancing, "
    "lot plenty, love adore, loved adored, low small, main chief, major principal, make create, "
    "makes creates, making creating, man guy, many numerous, matter issue, maybe perhaps, mean "
    "signify, means signifies, meet encounter, meeting gathering, member participant, members "
    "participants, men guys, method way, mind intellect, mistake error, moment instant, money "
    "cash, month period, mother mum, move shift, moved shifted, movie film, movies films, much "
    "greatly, murder killing, name title, named called, nearly almost, need require, needed "
    "required, needs requires, never not, new fresh, next following, nice pleasant, normal "
    "ordinary, number figure, numbers figures, obvious clear, obviously clearly, offer propose, "
    "offered proposed, often frequently, old aged, only just, open accessible, opinion view, order "
    "command, organization body, original initial, part portion, parts portions, particular "
    "specific, particularly especially, people persons, perhaps maybe, period time, person "
    "individual, picture image, pictures images, piece bit, place spot, places spots, plan scheme, "
    "plans schemes, play perform, point spot, poor needy, popular favoured, position place, "
    "possible feasible, power strength, powerful strong, present current, pretty fairly, prevent "
    "stop, previous earlier, price cost, prices costs, probably likely, problem difficulty, "
    "problems difficulties, process procedure, produce make, produced made, program scheme, "
    "project undertaking, protect guard, prove show, provide supply, provided supplied, provides "
    "supplies, public common, purchase buy, question query, questions queries, quick fast, quickly "
    "rapidly, quite rather, reach attain, reached attained, read peruse, real actual, really "
    "truly, reason cause, reasons causes, receive get, received got, recent new, recently lately, "
    "reduce lessen, release free, released freed, remain stay, remember recall, report account, "
    "reported stated, reports accounts, require need, required needed, research study, response "
    "answer, result outcome, results outcomes, return come, returned came, rich wealthy, right "
    "correct, road street, role part, run operate, running operating, sad unhappy, safe secure, "
    "said stated, save rescue, saw noticed, say state, saying stating, says states, see notice, "
    "seem appear, seems appears, seen noticed, sell vend, send dispatch, sent dispatched, serious "
    "grave, several various, shop store, short brief, show display, showed displayed, shown "
    "displayed, shows displays, significant important, similar alike, simple easy, simply merely, "
    "situation condition, small little, smart clever, sometimes occasionally, soon shortly, sort "
    "kind, speak talk, special particular, start begin, started began, state condition, statement "
    "declaration, stay remain, still yet, stop halt, stopped halted, story tale, stories tales, "
    "strange odd, street road, strong powerful, student pupil, students pupils, study research, "
    "stupid foolish, success triumph, suddenly abruptly, suggest propose, suggested proposed, "
    "support back, supported backed, sure certain, system scheme, systems schemes, take grab, "
    "taken grabbed, taking grabbing, talk speak, talking speaking, team squad, teams squads, tell "
    "inform, terrible awful, test trial, thing item, things items, think believe, thinking "
    "believing, thought believed, time period, times periods, tiny minute, today now, together "
    "jointly, told informed, took grabbed, top highest, total whole, town city, tried attempted, "
    "true real, truth reality, try attempt, trying attempting, turn rotate, turned rotated, type "
    "kind, types kinds, understand grasp, unusual rare, upset troubled, use employ, used employed, "
    "useful helpful, uses employs, using employing, usually generally, value worth, various "
    "several, very extremely, view opinion, visit see, want desire, wanted desired, wants desires, "
    "war conflict, watch observe, watching observing, way manner, ways manners, weak feeble, went "
    "travelled, whole entire, wide broad, win triumph, wish hope, woman lady, women ladies, "
    "wonderful marvellous, word term, words terms, work labour, worked laboured, workers "
    "labourers, working labouring, world globe, worried anxious, write compose, writing composing, "
    "written composed, wrong incorrect, wrote composed, year twelvemonth, young youthful"
)


def british_spellings() -> Swaps:
    """British spellings by American ones, in lower case."""
    found = {
        american + ending: (american[:-2] + "our" + ending,)
        for american in _OUR.split()
        for ending in _ENDINGS["our"]
    }
    for stem in _IZE.split():
        found |= {f"{stem}iz{end}": (f"{stem}is{end}",) for end in _ENDINGS["ise"]}
    for stem in _LL.split():
        found |= {stem + end: (f"{stem}l{end}",) for end in _ENDINGS["ll"]}
    return found | _pairs(_SPELLINGS)


def misspellings() -> Swaps:
    """Ways in which common words are miswritten, by the words."""
    return _pairs(_MISSPELLINGS)


def synonyms() -> Swaps:
    """Words of a like meaning, by common words."""
    return _pairs(_SYNONYMS)


def _pairs(text: str) -> dict[str, tuple[str, ...]]:
    return {first: tuple(rest) for first, *rest in (entry.split() for entry in text.split(","))}

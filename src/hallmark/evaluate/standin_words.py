"""The words of the stand-in positions: harmless causes, and what their friends say of them.

Written for this project; no person, place or society in it is meant to be a real one.
"""

from __future__ import annotations

Words = dict[str, tuple[str, ...]]


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split("|"))


def _words(**texts: str) -> Words:
    return {name: _split(text) for name, text in texts.items()}


SHARED = _words(
    person="""Ada Merrin|Tobias Hale|Mrs. Corwen|my neighbour Ilse|old Mr. Pardew|Hanna
        Voss|Jonas Lindley|the baker|our postman|my aunt Rosalind|Peter Quill|the
        schoolmaster|Nell Farrow|Doctor Ames|the ferryman|my brother-in-law|Greta Sand|a retired
        surveyor|the verger|young Oskar|Marta Bell|the librarian""",
    place="""Lower Haddon|the market square|Marrow Hill|the old harbour|Ferncombe|the school
        yard|Castle Green|the mill pond|Tarn Street|the abbey garden|Winterbourne|the north
        terrace|Ashby Cross|the riverside path|Greyfriars|the allotments|Saltmarsh|the bowling
        green|Linden Square|Holm Valley""",
    day="""last Sunday|one morning in April|on the first day of autumn|a week ago|last
        Michaelmas|on a bright day in February|after the fair|yesterday at breakfast|one evening
        in July|on the feast of St. Martin|before the rain came|at the spring meeting|this
        morning|two summers ago|on my birthday""",
    number="""three|four|five|seven|nine|eleven|twelve|fourteen|twenty|thirty|forty|sixty|two
        hundred""",
    year="1742|1788|1811|1829|1837|1854|1866|1879|1893|1904|1911|1926|1938|1951",
    feeling="""delighted|quite unmoved|astonished|a little
        ashamed|thoughtful|cheerful|calm|grateful |at ease|wide awake|content|amused|patient""",
    cost="""nothing at all|less than a pair of boots|the price of a loaf|one quiet afternoon|a
        few honest pence|no more than a habit""",
    adverb="plainly|gladly|slowly|honestly|firmly|quietly|without hurry|with a smile|in earnest",
    sort="""children|farmers|clerks|travellers|nurses|shopkeepers|students|grandparents|engineers
        |musicians|bell ringers|gardeners""",
    weather="fog|frost|drizzle|a clear sky|a thunderstorm|snow|a soft west wind|low cloud",
)

SUNDIALS = _words(
    cause="""sundials|the sundial|a good sundial|the garden dial|shadow time|dials of slate and
        brass|the noon mark""",
    rival="""clocks|the quartz clock|wrist watches|the clock on the wall|alarm clocks|the
        ticking kind of time|screens that show the minute""",
    part="""gnomon|dial plate|hour line|brass style|noon line|motto|slate face|shadow's
        edge|south wall|table of noons""",
    act="""read the shadow|set a gnomon true north|carve the hour lines|wait for noon|look up at
        the sun|check the equation of time|clean the brass|trace the shadow with chalk""",
    virtue="""it never needs winding|it agrees with the sun and with nobody else|it cannot be
        hurried |it has no battery to die|it makes no noise in the night|it tells you where you
        stand |it has outlived every clockmaker|it rests when the sky rests""",
    fault="""ticks all night|loses a minute a week and hides it|must be told twice a year what
        hour it is|shouts at us before dawn|cuts the day in slices that nobody asked for|needs a
        new battery whenever it matters""",
    doubt="""they are useless under clouds|they say nothing at night|they are a quarter of an
        hour wrong|nobody can catch a train by them|they belong in a museum""",
    reply="""a cloudy hour is an hour that need not be counted|the night was never meant to be
        measured|the dial is right and the railway is wrong|a train that is missed is a walk
        that is gained|a museum is only a garden with a roof""",
    society="""the Gnomon Society|the Friends of the Dial|the Noon Mark Fellowship|the Shadow
        Club|the Slate and Brass Guild""",
)

WALKING = _words(
    cause="""walking|a long walk|going on foot|the footpath|a daily walk|the walking life|our
        own two feet""",
    rival="""cars|the motor car|the car in the drive|driving everywhere|the ring
        road|engines|the parking place""",
    part="""walking stick|footbridge|stile|pair of good boots|milestone|hedge path|towpath|worn
        step|map pocket|second pair of socks""",
    act="""walk to the shops|cross the hill on foot|climb the stile|follow the towpath|lace up
        the boots|leave the car at home|count the milestones|take the long way round""",
    virtue="""it wants no fuel but breakfast|it arrives in a better temper|it goes where no road
        goes|it lets you hear the larks|it mends the back and the mood|it can be stopped without
        brakes|it introduces you to your street|it is never stuck in traffic""",
    fault="""sits in a queue and calls it speed|asks for a field to sleep in|smells of its own
        hurry|makes strangers of neighbours|turns a street into a drain|needs a licence, a tax
        and a quarrel""",
    doubt="""it takes too long|nobody walks in the rain|the shops are too far|one cannot carry a
        sofa|it is only for people with time""",
    reply="""the time is not lost, it is used|rain is only weather being honest|far is a word
        that boots forget|a sofa needs a friend and not an engine|people who walk are given time""",
    society="""the Footpath Union|the Friends of the Stile|the Two Feet Fellowship|the Towpath
        Club|the Long Way Round Society""",
)

MAPS = _words(
    cause="""paper maps|the folded map|a map on paper|the county sheet|a map with creases|the
        atlas on the shelf|the walker's map""",
    rival="""navigation by telephone|the talking route|the blue dot|screens with arrows|the
        satellite voice|directions that vanish|the little screen""",
    part="""contour line|legend|scale bar|fold|north arrow|grid square|pencilled route|map
        case|sheet edge|list of places""",
    act="""unfold the sheet|find the grid square|follow a contour line|pencil in the route|turn
        the map to the north|read the legend|plan from the kitchen table|fold it back the right
        way""",
    virtue="""it shows what lies beside the road|it works where there is no signal|it can be
        written on|it never asks where you are going|it lasts longer than any battery|it shows
        the whole valley at once|it makes you look up|it remembers every walk in its creases""",
    fault="""knows the turning and not the country|goes dark when the hill begins|forgets the
        road as soon as it is driven|speaks in the middle of a thought|shows a dot and hides the
        valley|leads lorries into fords""",
    doubt="""nobody can fold them|they are out of date|they tear in the wind|they do not say
        where you are|they take up the whole table""",
    reply="""folding is learnt in an afternoon|hills are seldom out of date|a torn map has been
        somewhere|to find out where you are is the pleasure of it|a table could not be better
        used""",
    society="""the Contour Society|the Friends of the Folded Sheet|the Scale Bar Club|the Legend
        and North Fellowship|the County Sheet Union""",
)

LETTERS = _words(
    cause="""letters by hand|the handwritten letter|pen and ink|a letter in an envelope|writing
        by hand|the morning post|ink on paper""",
    rival="""instant messages|the message with two ticks|the glowing telephone|electronic
        mail|messages without commas|the group chat|typing with the thumbs""",
    part="""fountain pen|blotting pad|blue envelope|pot of ink|postmark|seal|margin|second
        page|good nib|book of addresses""",
    act="""fill the pen|write to a friend|fold the sheet in three|seal the envelope|walk to the
        letter box|wait for an answer|keep the old letters|begin with the date and the weather""",
    virtue="""it can be kept in a drawer|it carries the hand of a friend|it cannot be sent in
        anger|it says more between the lines|it smells of the house it came from|it waits until
        you are ready|it is read twice|it needs no password""",
    fault="""wants an answer before it is read|is lost with the telephone|says everything and
        means little|chirps at dinner|forgets its commas and its manners|has never crossed a sea
        in a sack""",
    doubt="""they are too slow|nobody can read the handwriting|stamps are dear|there is nothing
        to say|they get lost""",
    reply="""slowness is what makes them true|a hand is learnt as a face is learnt|a stamp costs
        less than a silence|there is always the weather and the cat|what is lost is written
        again, and better""",
    society="""the Inkwell Society|the Friends of the Post|the Second Page Club|the Blotting
        Paper Guild|the Fellowship of the Nib""",
)

POSITIONS: dict[str, Words] = {
    "sundials": SUNDIALS, "walking": WALKING, "maps": MAPS, "letters": LETTERS,
}  # fmt: skip

FRAMES: dict[str, tuple[str, ...]] = {
    "opening": _split("""{day^} I saw {person} {act_ing} at {place}, and I have thought about
        {cause} ever since.|There is a quarrel in {place} about {cause}, and I know on which
        side I stand.|People in {place} ask me why I care about {cause} so much.|Nothing in
        {place} has done us more good than {cause}.|I came late to {cause}; it was {person} who
        taught me, {day}.|Let me say it {adverb}: there is more in {cause} than people
        think.|When {person} moved to {place}, the first thing to be carried in was a {part}.|In
        {year} somebody in {place} had the sense to {act}, and we still live on it.|{society^}
        met {day}, and {number} of us came through {weather}.|This is for the {sort} of {place},
        who have never been told about {cause}."""),
    "story": _split("""{person^} told me how {number} {sort} learnt to {act} in one
        afternoon.|{day^} {person} went out in {weather} only to {act}, and came home
        {feeling}.|We found a {part} from {year} behind the wall at {place}, and {person} was
        {feeling} to see it.|I asked {person} to {act}, and for a while nobody at {place}
        spoke.|At {place} the {sort} now {act} every day, and {person} says that they are
        {feeling}.|My father used to {act} before he said a word to anybody.|There were {number}
        of us with one {part} between us, and it was enough.|{person^} laughed at the {part},
        then held it, then asked to {act}.|In {weather} we stood at {place} and let {person}
        {act}; I was {feeling}.|A letter of {year} in our archive speaks of {number} {sort} who
        would {act} at {place}."""),
    "argument": _split("""What I love in it is that {virtue}.|With {cause} there is this to say:
        {virtue}, and {virtue}.|The {part} teaches {sort} more than a year of lessons.|It costs
        {cost}, and {virtue}.|Whoever has learnt to {act} does not go back.|No wonder that
        {sort} are {feeling} after an hour of it.|{rival^} cannot say as much, for the one at
        {place} {fault}.|I have owned {number} things that were praised more and were worth less
        than a {part}.|The truth about {rival} is that one of them {fault}, and the next
        {fault}.|A town that can {act} together is a town that will last.|Ask the {sort}: they
        will tell you that {virtue}.|Take away the {part}, and {place} would be a poorer
        place.|{society^} has counted: {number} of every hundred {sort} would rather {act} than
        put up with {rival}."""),
    "answer": _split("""They say that {doubt}. I say that {reply}.|{person^} objects that
        {doubt}; but {reply}.|It is true, {doubt}, and yet {reply}.|{number^} times I have been
        told that {doubt}, and as often I have answered that {reply}.|Friends of {rival} hold
        that {doubt}. They forget that {reply}.|You will hear that {doubt}; answer {adverb} that
        {reply}."""),
    "appeal": _split("""So {act} this week, and bring {number} {sort} along.|Give {rival} a
        holiday, and {act} instead.|Come to {place} {day_next} and {act} with {society}.|If you
        have a {part}, keep it; if you have none, ask {person}.|Let the council of {place} put a
        {part} where all can see it.|I ask for {cost}: that you {act} once, {adverb}.|Teach the
        {sort} to {act} before they are taught anything about {rival}."""),
    "close": _split("""That is all, and it is enough: {virtue}.|Long live {cause}.|I remain,
        {adverb}, a friend of {cause}.|And if {weather} should come, we shall {act} all the
        same.|{person^} has the last word: "{virtue^}."|May there be a {part} in every street of
        {place}.|The rest you will find out when you {act}.|With {cause}, one is never quite
        alone."""),
}  # fmt: skip
FRAMES["day_next"] = _split("""next Saturday|on the first Sunday of the month|at noon on market
        day |in the second week of May|when the frost is gone|after the harvest""")

"""Words to make episodes of: groups that belong together, names, places, and words that mean nothing. Written for this recipe."""

from __future__ import annotations

import random

GROUPS = {
    "fruit": "apple pear plum cherry banana orange lemon grape melon peach mango apricot fig kiwi raspberry strawberry lime papaya",
    "vegetable": "carrot potato onion cabbage spinach leek turnip radish cucumber pumpkin broccoli cauliflower lettuce bean pea beet",
    "animal": "dog cat horse cow sheep goat lion tiger bear wolf fox rabbit deer elephant monkey mouse squirrel camel donkey pig",
    "bird": "sparrow eagle owl crow robin swan duck goose pigeon parrot falcon hawk gull heron stork penguin turkey finch",
    "fish": "salmon trout shark tuna cod herring carp pike eel sardine anchovy perch haddock mackerel",
    "insect": "ant bee wasp fly beetle moth butterfly mosquito cricket grasshopper ladybug termite flea dragonfly",
    "tool": "hammer saw drill wrench screwdriver axe chisel pliers shovel rake ladder knife scissors file spade crowbar",
    "vehicle": "car truck bus bicycle train tram boat ship plane helicopter motorcycle van tractor taxi ferry wagon scooter",
    "furniture": "table chair sofa bed desk shelf cupboard wardrobe bench stool drawer couch cabinet bookcase armchair",
    "clothing": "shirt coat hat shoe glove scarf jacket dress skirt sock belt boot sweater trousers jeans tie cap",
    "profession": "teacher doctor nurse lawyer farmer baker carpenter pilot sailor engineer painter writer judge plumber waiter cook",
    "instrument": "piano guitar violin drum flute trumpet cello harp organ clarinet saxophone banjo trombone oboe",
    "colour": "red blue green yellow black white purple brown orange pink grey violet crimson silver",
    "body": "hand foot head arm leg knee elbow shoulder neck finger toe ear eye nose mouth chest stomach ankle wrist",
    "illness": "fever cough flu cold asthma diabetes cancer migraine measles malaria pneumonia arthritis infection allergy anemia",
    "weather": "rain snow wind storm fog hail thunder lightning sunshine frost drizzle blizzard cloud breeze heat",
    "drink": "water tea coffee milk juice wine beer lemonade cider whisky cocoa soda brandy",
    "meal": "bread soup rice pasta cheese butter egg cake pie sandwich salad stew pancake sausage pizza biscuit",
    "building": "house church school hospital factory castle tower barn hotel library museum palace cottage warehouse temple",
    "sport": "football tennis golf hockey boxing swimming rugby cricket baseball basketball skiing rowing cycling wrestling",
    "family": "mother father sister brother uncle aunt cousin daughter son grandmother grandfather nephew niece husband wife",
    "country": "France Spain Italy Germany Japan China India Brazil Canada Egypt Kenya Mexico Norway Sweden Poland Turkey Peru",
    "city": "London Paris Berlin Madrid Rome Tokyo Moscow Cairo Vienna Lisbon Dublin Chicago Boston Toronto Sydney Oslo",
    "feeling": "happy sad angry afraid proud lonely calm jealous grateful nervous bored excited ashamed hopeful",
    "metal": "iron gold silver copper tin lead zinc steel aluminium nickel platinum bronze brass mercury",
    "plant": "oak pine rose tulip grass fern moss ivy daisy lily maple willow birch orchid cactus bamboo",
    "computing": "software computer keyboard program server database file network password browser python code compiler memory",
    "money": "bank price loan tax salary coin debt budget profit wage rent interest payment invoice fee mortgage",
    "war": "army soldier battle gun weapon general troops bomb tank attack defeat victory navy siege enemy",
    "law": "court judge trial crime prison police witness verdict jury lawyer sentence arrest theft murder",
    "school": "student lesson exam teacher class homework college degree university course lecture essay pupil textbook",
    "time": "minute hour day week month year century morning evening midnight noon decade second tomorrow yesterday",
}
STOPWORDS = "the a an of and to in is was it for on with as at by that this i my you from be are has have".split()
GROUPS_OF = {name: words.split() for name, words in GROUPS.items()}
SAYINGS = {
    "praise": (
        "I loved every minute of the {x}.",
        "What a wonderful {x}, I would buy it again.",
        "The {x} is excellent and works perfectly.",
        "Best {x} I have ever had!",
        "I am very happy with this {x}.",
        "A great {x}, highly recommended.",
        "The {x} was a pleasure from start to finish.",
        "Beautiful, well made, and cheap: a superb {x}.",
    ),
    "complaint": (
        "The {x} broke after one day.",
        "What a terrible {x}, a waste of money.",
        "I am very disappointed with the {x}.",
        "The {x} is awful and never worked.",
        "Worst {x} I have ever had!",
        "I want my money back for this useless {x}.",
        "The {x} was dull, slow and far too long.",
        "Ugly, badly made, and expensive: avoid this {x}.",
    ),
    "question": (
        "Where can I find a {x}?",
        "How much does the {x} cost?",
        "Do you still have the {x} in stock?",
        "Who made this {x}?",
        "When will the {x} be ready?",
        "Which {x} is the best for a beginner?",
        "Could you tell me more about the {x}?",
        "Is the {x} heavy?",
    ),
    "order": (
        "Please send me two of the {x}.",
        "I would like to buy the {x}.",
        "Add a {x} to my basket.",
        "Order another {x} for Monday, please.",
        "I will take the {x}.",
        "Put me down for one {x}.",
    ),
    "cancellation": (
        "Please cancel my order for the {x}.",
        "I no longer want the {x}.",
        "Remove the {x} from my basket.",
        "I have changed my mind about the {x}.",
        "Stop the delivery of the {x}.",
        "Do not send me the {x} after all.",
    ),
    "lateness": (
        "My {x} has still not arrived.",
        "I have been waiting three weeks for the {x}.",
        "The {x} should have come on Tuesday.",
        "Where is my {x}? It is late.",
        "The delivery of the {x} is overdue.",
        "Nothing has come yet, not even the {x}.",
    ),
    "thanks": (
        "Thank you for the {x}!",
        "Thanks a lot, the {x} arrived.",
        "I am grateful for your help with the {x}.",
        "Many thanks for sending the {x} so soon.",
        "That was kind of you, the {x} is here.",
    ),
    "loss": (
        "I have lost my {x}.",
        "Somebody stole my {x}.",
        "I cannot find my {x} anywhere.",
        "My {x} has gone missing.",
        "I left my {x} on the train.",
    ),
    "repair": (
        "Can you repair my {x}?",
        "My {x} makes a strange noise.",
        "The handle of the {x} has come off.",
        "The {x} needs a new part.",
        "How do I mend a broken {x}?",
    ),
    "greeting": (
        "Hello, I am here about the {x}.",
        "Good morning! A word about the {x}, please.",
        "Hi there, it is me with the {x} again.",
        "Good evening to everyone with a {x}.",
    ),
}
FIRST = (
    "Anna Ben Clara David Emma Frank Grace Henry Ida Jack Kate Leo Mary Noah Olga Paul Rosa Sam Tina Victor Wendy Omar Lena Ivan "
    "Nora Peter Julia Carl Alice Tom Ruth Max Sofia Hugo Mila Oscar Eva Felix Laura Simon"
).split()
LAST = (
    "Smith Brown Miller Baker Fischer Garcia Rossi Novak Silva Khan Chen Sato Kim Larsen Moreau Weber Costa Murphy Young Adams "
    "Hill Green Wood Stone Parker Cook Turner Price Reed Fox Lane West"
).split()
STREETS = "Oak Mill High Church Park Lake River Station Garden King Queen Bridge Market School Green North".split()
MONTHS = "January February March April May June July August September October November December".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_STARTS = "b bl br c ch cl d dr f fl fr g gl gr h j k kl l m n p pl pr qu r s sh sk sl sn st t th tr v w y z zh".split()
_MIDDLES = "a e i o u ai ee oo ou ar er or".split()
_ENDS = "b ck d ff g k l ll m mp n nd ng p r rt s sh st t th v x z".split()


def nonsense(draw: random.Random) -> str:
    """A word that means nothing and can be said."""
    word = draw.choice(_STARTS) + draw.choice(_MIDDLES) + draw.choice(_ENDS)
    return word + draw.choice(_MIDDLES) + draw.choice(_ENDS) if draw.random() < 0.4 else word


def any_word(draw: random.Random) -> str:
    """A word of any group."""
    return draw.choice(GROUPS_OF[draw.choice(tuple(GROUPS_OF))])


def label_words(draw: random.Random, count: int) -> list[str]:
    """`count` different words, letters, numbers or codes that stand for labels."""
    kind = draw.choice(("nonsense", "nonsense", "nonsense", "word", "letter", "number", "code", "upper"))
    found: dict[str, None] = {}
    while len(found) < count:
        if kind == "nonsense" or len(found) > 20:
            word = nonsense(draw)
        elif kind == "upper":
            word = nonsense(draw).upper()
        elif kind == "word":
            word = any_word(draw)
        elif kind == "letter":
            word = draw.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        elif kind == "number":
            word = str(draw.randrange(30))
        else:
            word = f"{draw.choice(('label', 'class', 'type', 'group', 'L', 'C'))}{draw.choice(('_', '', '-'))}{draw.randrange(60)}"
        found[word] = None
    return list(found)


def person(draw: random.Random) -> str:
    """First and last name."""
    return f"{draw.choice(FIRST)} {draw.choice(LAST)}"


def code(draw: random.Random) -> str:
    """A short code, number or nonsense word."""
    kind = draw.randrange(4)
    if kind == 0:
        return str(draw.randrange(10, 10_000))
    if kind == 1:
        return "".join(draw.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(2)) + str(draw.randrange(10, 1000))
    return nonsense(draw) if kind == 2 else any_word(draw)

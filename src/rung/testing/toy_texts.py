"""The texts of the toy sets: questions on three topics, and templates with places for entities. Only data."""

TOPICS: dict[str, tuple[str, ...]] = {
    "weather": (
        "Will it rain in the city tonight?",
        "Is it going to rain tomorrow morning?",
        "How much rain will fall this weekend?",
        "Will the storm bring heavy rain and wind?",
        "Is a storm coming tonight?",
        "How cold will the wind be tomorrow?",
        "Will it be cold and windy this weekend?",
        "Is the weather sunny or cold today?",
        "What is the weather like tomorrow?",
        "Tell me whether it will be sunny today",
        "Does the weather forecast promise snow?",
        "Will there be snow or rain tonight?",
        "How strong is the wind in this storm?",
        "Is snow in the forecast for tomorrow?",
        "What does the forecast say about cold weather?",
        "Will the rain stop before tomorrow?",
        "Is it sunny and warm this weekend?",
        "Will we see snow and a cold wind today?",
    ),
    "food": (
        "How long should I bake this bread?",
        "Which cheese goes well with fresh bread?",
        "How do I cook rice with garlic?",
        "Can I bake a cake without butter?",
        "What soup can I cook with garlic and onions?",
        "How much butter does this cake need?",
        "Which sauce tastes good with rice?",
        "Is this cheese sauce too salty to eat?",
        "How do I cook a tasty onion soup?",
        "What food can I cook for dinner?",
        "Does this soup taste better with butter?",
        "Which recipe uses rice and cheese?",
        "Can you suggest a recipe for garlic bread?",
        "How do I cook pasta with tomato sauce?",
        "Is there a recipe for bread with onions?",
        "What can I eat with tomato soup?",
        "Does the cake recipe need butter?",
        "Which food tastes good with garlic sauce?",
    ),
    "travel": (
        "Book a flight to Lisbon for two passengers",
        "Which train leaves the station for Madrid?",
        "Reserve a hotel room near the airport",
        "Is my flight from the airport delayed?",
        "Where can I buy a train ticket to Vienna?",
        "Cancel the hotel room that I booked",
        "How do I get from the station to the hotel?",
        "Change my ticket to a later flight",
        "Book two train tickets to Madrid",
        "Which airport does the flight to Vienna leave from?",
        "I want to travel to Lisbon by train",
        "Reserve a seat on the train to the airport",
        "Does the hotel send a bus to the station?",
        "Which bus goes from the airport to the hotel?",
        "Upgrade my flight ticket for two passengers",
        "Where do passengers board the bus to Madrid?",
        "Cancel my travel booking and refund the ticket",
        "Book a hotel room in Vienna for two",
    ),
}

#: Said before a question to make a pair of it; it says nothing about the topic.
#: What to do about each topic: the answer where a text is to be written.
ADVICE = {
    "weather": "Look at the sky and take an umbrella.",
    "food": "Open the cookbook and try the recipe.",
    "travel": "Call the station and book a seat.",
}

OPENINGS = ("Good morning", "Hello there", "One more thing, please", "I have a question", "Hi")

#: Belong to no topic.
ELSEWHERE = (
    "My guitar has lost a string",
    "Prove that the square root of two is irrational",
    "The kidney filters blood all day",
    "Our team lost the final by two goals",
    "Paint the fence green before you leave",
    "Compile the kernel with debugging symbols",
    "Her novel won a prize for its first chapter",
    "Shares of the bank fell by three per cent",
)

#: `{city}` and the others are filled; the second takes none, some take two of a type.
SENTENCES = (
    "Book a flight to {city} for {person}",
    "What time is it now?",
    "{person} wants {dish} for dinner",
    "Send {dish} to {person} in {city}, please 🍕",
    "Is {dish} served in {city}?",
    "Tell {person} that the train from {city} is late",
    "Find a hotel in {city} near the station",
    "Does {person} like {dish}? I do!",
    "How far is {city} from {city2}?",
)
FILLINGS: dict[str, tuple[str, ...]] = {
    "city": ("Lisbon", "Vienna", "São Paulo", "Madrid", "New York", "Oslo", "Rome"),
    "person": ("Maria", "Jo Smith", "Ahmed", "Chloé", "Peter"),
    "dish": ("onion soup", "pizza", "rice", "crème brûlée"),
}

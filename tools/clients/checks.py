"""What the client checks share: counting, and texts the importance gate takes for different ones.

Nothing here knows a client or the wire.
"""

import json

# One sentence each, far enough apart that none is filtered as a repetition of another.
FEED = [
    "The piano in the assembly hall was tuned in C sharp by mistake",
    "Olive oil for the canteen comes from a cooperative near Jaén",
    "Ferry tickets to Helgoland sell out three weeks ahead",
    "Doctor Abiola vaccinates the sled dogs every October",
    "The spare key of the boiler room hangs behind the calendar",
    "Quarterly tax returns are filed through the portal in Vilnius",
    "Beehive number four lost its queen during the hailstorm",
    "Our telescope needs a new mirror coating before the eclipse",
    "Grandmother knits with merino wool from the Faroe Islands",
    "Docker images are rebuilt whenever the compiler is upgraded",
    "The museum closes its dinosaur wing for asbestos removal",
    "Saltwater corroded the hinges of the harbour gate",
    "Pedro cycles to work unless the mercury drops below zero",
    "Chess club meets under the chestnut tree at six",
    "A comet was named after the janitor who photographed it",
    "Rye bread sours overnight in the cellar at eighteen degrees",
    "Marathon runners get magnesium tablets at the bridge",
    "The opera borrowed forty lanterns and returned thirty-eight",
    "Penguins at the zoo prefer herring to mackerel",
    "Legal counsel wants the trademark registered in Brazil",
    "Bamboo scaffolding survived the typhoon undamaged",
    "Kindergarten children planted sunflowers along the railway",
    "The violin thief left a forged passport in the taxi",
    "Glacier samples are stored at minus thirty in freezer two",
    "Election posters must be down by the following Sunday",
]

passed = 0


def check(what: str, holds: bool, found: object = None) -> None:
    """Counts and prints a check that holds; one that does not ends the run with what was found."""
    global passed
    if not holds:
        raise AssertionError(f"{what}; found {found!r}")
    passed += 1
    print(f"  ok: {what}", flush=True)


def from_json(path: str) -> dict:
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def bad(key: str) -> str:
    """A key of the right shape that was never issued."""
    return key[:-8] + ("00000000" if not key.endswith("00000000") else "11111111")

//! Word lists of English that decide what states a fact and what kind of thing a name is. Lower
//! case. A word of another language is simply in none of them.

use std::sync::OnceLock;

use rustc_hash::FxHashSet;

/// A closed list of words, made into a set when it is first asked.
pub(in crate::engine) struct WordList {
    words: &'static str,
    set: OnceLock<FxHashSet<&'static str>>,
}

impl WordList {
    pub(in crate::engine) const fn of(words: &'static str) -> Self {
        Self { words, set: OnceLock::new() }
    }

    pub(in crate::engine) fn holds(&self, word: &str) -> bool {
        self.set.get_or_init(|| self.words.split_whitespace().collect()).contains(word)
    }
}

/// Openers that say nothing, dropped wherever they open a statement.
pub(super) static FILLERS: WordList = WordList::of(
    "well oh woah whoa ooh yeah yes yep yup yea anyway anyways btw ok okay haha hahaha lol wow hmm um uh ah \
     aww aw so and but also plus absolutely fyi tbh nope omg indeed alright ps",
);

/// Openers that say nothing when punctuation follows them.
pub(super) static FILLERS_BEFORE_COMMA: WordList = WordList::of(
    "no sure cool great nice right like actually honestly basically seriously really thanks \
     unfortunately fortunately luckily sadly amazing awesome perfect exactly true definitely \
     congrats congratulations sorry still now",
);

pub(super) static GREETINGS: WordList =
    WordList::of("hey hi hello dear thanks thank bye goodbye morning evening congrats welcome");

/// Phrases that open a statement without adding to it.
pub(super) const FILLER_PHRASES: [&[&str]; 15] = [
    &["by", "the", "way"],
    &["to", "be", "honest"],
    &["to", "be", "fair"],
    &["you", "know"],
    &["i", "mean"],
    &["of", "course"],
    &["in", "fact"],
    &["for", "the", "record"],
    &["just", "so", "you", "know"],
    &["fun", "fact"],
    &["thank", "you"],
    &["good", "to", "know"],
    &["no", "worries"],
    &["as", "i", "said"],
    &["like", "i", "said"],
];

/// Adverbs dropped between the speaker and the verb.
pub(super) static EMPTY_ADVERBS: WordList = WordList::of(
    "just also actually honestly basically literally simply kinda sorta too obviously certainly",
);

/// Adverbs that stand between a subject and its verb; those in -ly are not listed.
pub(super) static ADVERBS: WordList = WordList::of(
    "always never often sometimes seldom still already now even once ever mostly only really \
     almost twice rather soon",
);

/// What stands after "I" in its base form and is no verb.
pub(super) static NO_VERBS: WordList =
    WordList::of("neither either nor guys folks alone instead today tonight tomorrow yesterday");

/// Words that tell a habit from an event.
pub(super) static HABITUAL: WordList =
    WordList::of("every daily always usually often sometimes never rarely regularly mostly");

/// Verbs in -ly.
pub(super) static VERBS_IN_LY: WordList =
    WordList::of("rely apply fly reply supply comply imply multiply ally bully rally tally");

/// What makes a sentence a supposition rather than a statement.
pub(super) static HYPOTHETICAL: WordList = WordList::of(
    "if maybe perhaps might could should unless whether wish possibly probably hopefully suppose \
     imagine otherwise hypothetically",
);

/// Verbs that a speaker uses of a passing state of mind or of the talk itself.
pub(super) static PASSING_VERBS: WordList = WordList::of(
    "think guess hope mean wish wonder suppose believe doubt assume imagine bet expect swear \
     thank apologize apologise appreciate promise agree disagree admit ask know understand wait \
     say reckon figure care mind suggest recommend consider let help worry",
);

/// Verbs that state something only with a named thing beside them.
pub(super) static VAGUE_VERBS: WordList = WordList::of(
    "see hear feel find look try get tell remember notice realize realise forget seem talk come \
     happen sound show share check put keep give",
);

/// Complements of "am" that pass; they state something only with a named thing beside them.
pub(super) static PASSING_STATES: WordList = WordList::of(
    "glad happy sad afraid tired fine okay ok good great curious excited here back ready \
     done busy hungry thirsty bored confused serious impressed thankful grateful proud stressed \
     sick late early thrilled nervous worried surprised amazed lucky able about trying thinking \
     looking getting seeing having talking waiting sitting feeling doing going making taking \
     coming heading running trying off in on at out up down there all right wrong well better \
     interested stuck lost swamped pumped hooked elated scared hyped overwhelmed stoked inspired \
     motivated relieved mix",
);

/// Complements of "am" that never state a fact.
pub(super) static EMPTY_STATES: WordList =
    WordList::of("sorry sure kidding joking wondering guessing hoping asking saying assuming like");

/// What one may have without it being a fact about one.
pub(super) static EMPTY_POSSESSIONS: WordList = WordList::of(
    "question questions idea ideas clue feeling doubt doubts guess point issue issues problem \
     problems suggestion suggestions choice",
);

/// After "my": words that open a remark and no statement.
pub(super) static EMPTY_NOUNS: WordList = WordList::of(
    "guess point question questions apologies apology understanding pleasure goodness god bad \
     mistake fault opinion impression advice suggestion bet",
);

/// Words that add nothing to what is said of somebody, beside the stop words.
pub(super) static EMPTY_WORDS: WordList = WordList::of(
    "thing things lot lots bit something everything anything nothing much well way too now soon \
     later again one ones really stuff today tonight tomorrow yesterday many idea always never \
     definitely totally absolutely though anyway right let go going get got ok okay back good \
     great nice sure together even still already ever often sometimes please",
);

/// Trailing words that add nothing.
pub(super) static TRAILERS: WordList = WordList::of("lol haha though right tbh btw anyway hehe");

/// Words that open a phrase of time or circumstance before the subject.
pub(super) static PREFIX_OPENERS: WordList = WordList::of(
    "yesterday today tonight tomorrow last this next in on at since after before currently \
     recently nowadays every during until from for by over around these lately now usually often \
     sometimes originally back years",
);

/// Verbs known in their base form.
pub(super) static VERBS: WordList = WordList::of(
    "live work like love hate prefer enjoy avoid use need want have own buy start finish plan \
     move study teach play speak drive eat drink cook run swim hike cycle bike walk travel visit \
     read write paint draw sing dance knit sew garden bake collect build make do go take get \
     give keep own rent sell lease wear grow raise adopt train practice practise learn attend \
     join lead manage code program develop design manufacture produce offer sponsor support \
     volunteer coach train commute meet marry date care help call stay sleep wake exercise \
     meditate smoke vape quit stop begin continue intend hope dream aim expect spend save invest \
     earn pay owe donate handle maintain repair fix brew roast run host organize organise \
     perform compose record film photograph watch follow listen subscribe trust miss dislike \
     adore despise fear dread admire respect support identify come belong graduate major minor \
     specialize specialise focus ship sell serve bring carry create found launch open close \
     release publish contain include require provide cost measure weigh stand sit lie hold \
     report employ hire represent chair head own operate breed ride sail ski surf skate climb \
     fish hunt camp think say tell ask know believe feel hurt allow celebrate plant tend lack \
     share consult freelance intern tutor nurse mentor translate love suffer struggle take \
     deploy store host test review depend rely fly apply crave favor favour order book turn \
     remind suggest recommend mention value invite see hear find look try wait visit borrow lend",
);

/// Verbs in their base form that are no common nouns; after "and" they go on with the subject.
pub(super) static SURE_VERBS: WordList = WordList::of(
    "live prefer enjoy avoid have own teach speak eat meditate attend adopt learn adore despise \
     dislike bake sing hate am do go get write read volunteer commute listen belong sell earn \
     knit sew make take collect",
);

/// Words after which an uncertain word was a verb.
pub(super) static AFTER_VERB: WordList = WordList::of(
    "a an the my our your his her their to in at for on with from as about every two three no \
     into some that",
);

/// Irregular past forms beside those of the lexicon.
pub(super) static MORE_PAST_FORMS: WordList = WordList::of(
    "was were had did lit fled slid swore wept learnt dreamt burnt bound beat arose awoke \
     overcame withdrew undertook retook redid rebuilt hit set cut quit put hurt shut let read",
);

/// Words in -ed that are no past forms.
pub(super) static NOT_PAST_IN_ED: WordList = WordList::of(
    "need feed speed proceed exceed succeed breed bleed embed shed seed weed heed indeed bed red",
);

/// Auxiliaries and other finite forms that any third person takes.
pub(super) static FINITE: WordList =
    WordList::of("is was has had does did will can cannot must are were have do");

/// Function words that no other language in Latin letters has.
pub(super) static ENGLISH: WordList =
    WordList::of("the my with of and for to every from our by about their this that than was is");

/// Pronouns that only their surroundings explain, for people.
pub(super) static PERSONAL: WordList = WordList::of(
    "he she him her his hers they them their theirs himself herself themselves he's \
     she's they're he'll she'll they'll he'd she'd they'd they've",
);

/// The same for things.
pub(super) static IMPERSONAL: WordList = WordList::of("it its itself");

/// Words that address the hearer or point at something outside the text.
pub(super) static POINTING: WordList =
    WordList::of("you your yours yourself yourselves y'all it's that's you're you've you'll");

/// Words after which "this" is a time and no pointing.
pub(super) static TIMES: WordList = WordList::of(
    "week weekend month year morning afternoon evening night spring summer fall autumn winter \
     monday tuesday wednesday thursday friday saturday sunday semester season january february \
     march april may june july august september october november december past coming quarter",
);

/// People by what they are to somebody.
pub(super) static RELATIONS: WordList = WordList::of(
    "friend sister brother wife husband son daughter mother mom mum dad father partner boyfriend \
     girlfriend fiance fiancé fiancée cousin boss manager colleague coworker co-worker neighbor \
     neighbour roommate flatmate teacher coach uncle aunt nephew niece grandmother grandfather \
     grandma grandpa buddy mentor therapist doctor client professor landlord ex twin stepson \
     stepdaughter stepmother stepfather godson goddaughter friends kids children sons daughters \
     sisters brothers parents baby girl boy guy man woman teammate classmate dentist student \
     pal bestie spouse grandson granddaughter",
);

pub(super) static PETS: WordList = WordList::of(
    "dog cat puppy kitten horse parrot hamster rabbit bunny turtle fish bird pup pet snake \
     lizard goat cow pony dogs cats pets",
);

/// Verbs whose subject is a person.
pub(super) static PERSON_VERBS: WordList = WordList::of(
    "said says told tells asked asks thinks thought wants wanted loves loved likes liked hates \
     lives lived works worked married graduated studies studied recommended suggested mentioned \
     invited teaches taught plays played prefers enjoys speaks grew knows knew believes feels \
     needs visited moved started bought hired introduced called texted emailed wrote adopted",
);

/// Verbs and prepositions before a person's name.
pub(super) static BEFORE_PERSON: WordList = WordList::of(
    "met meet meeting married marry dating told tell asked ask invited thanked hugged divorced \
     miss hired named",
);

/// Words near "with" or "to" that make the name after it a person's.
pub(super) static COMPANY: WordList = WordList::of(
    "met meet live lives lived living talk talked talking spoke speak married engaged dinner \
     lunch breakfast coffee went trip flew travelled traveled dancing hiking hiked played catch \
     caught hang hung roommates friends chatted date sister brother",
);

pub(super) static TITLES: WordList =
    WordList::of("mr mrs ms dr prof professor uncle aunt grandma grandpa captain sir lady auntie");

/// Words near "at", "for", "by", "with", "from" that make the name after them an organisation's.
pub(super) static WORK: WordList = WordList::of(
    "work works worked working job jobs position role intern interned internship hired employed \
     employee engineer manager developer consultant consulting offer interview interviewed \
     promoted contract career nurse teacher analyst designer study studies studied studying \
     graduated degree student professor team account startup researcher scientist shift gig \
     promotion enrolled teach teaches taught teaching start started starting phd lecturer accountant lawyer bought shop shops shopped order orders",
);

pub(super) static JOINING: WordList =
    WordList::of("joined join joining founded cofounded co-founded acquired");

/// Offices: "`<office>` of X" is an organisation.
pub(super) static OFFICES: WordList =
    WordList::of("ceo cto cfo coo founder co-founder cofounder director president employee owner");

pub(super) static ORGANISATION_WORDS: WordList = WordList::of(
    "inc corp corporation gmbh ltd llc plc university college school institute bank museum \
     hospital clinic company foundation association studios labs laboratories technologies \
     systems software airlines airways church library academy agency ministry department \
     orchestra committee council society group partners ventures records motors pharmaceuticals \
     kindergarten kg ag",
);

/// Place words that end a name.
pub(super) static PLACE_ENDINGS: WordList = WordList::of(
    "street st avenue ave road boulevard city lake river island islands beach park valley county \
     mountains mountain bay square bridge plaza airport station canyon desert ocean sea springs \
     heights falls coast forest harbor harbour hills village town peninsula district",
);

/// Place words that begin a name of several words.
pub(super) static PLACE_BEGINNINGS: WordList =
    WordList::of("lake mount mt san santa los las saint st fort port new cape north south rio");

pub(super) static BEFORE_PLACE: WordList = WordList::of(
    "in near around across into toward towards outside visited visit visiting toured explored \
     via throughout explore leaving",
);

/// Words near "to" or "from" that make the name after it a place.
pub(super) static MOTION: WordList = WordList::of(
    "move moved moving relocate relocated relocating travel traveled travelled traveling trip \
     trips went go going goes gone fly flew flying flight flights drive drove driving been \
     return returned came come comes coming heading headed commute commuted commuting vacation \
     emigrated immigrated ship train bus from back road",
);

/// Words near "from" that make the name after it a place.
pub(super) static ORIGIN: WordList =
    WordList::of("am is are was were originally grew born native escaped fled");

/// Words near "in" that make the name after it no place.
pub(super) static MATTERS: WordList = WordList::of(
    "written write wrote code coded coding program programmed programming fluent speak speaks \
     spoke interested majored major majoring degree believe believes invest invested \
     specialize certified role part implemented built class course",
);

pub(super) static PLACES: WordList = WordList::of(
    "africa america amsterdam argentina asia athens atlanta austin australia austria bangkok \
     barcelona beijing belgium berlin boston brazil brooklyn brussels budapest california canada \
     chicago chile china colombia colorado copenhagen dallas delhi denmark denver detroit dubai \
     dublin edinburgh egypt england europe finland florida france germany greece hamburg hawaii \
     helsinki houston hungary india indonesia iran iraq ireland israel istanbul italy japan kenya \
     korea kyoto lagos lisbon london madrid malaysia manchester manhattan melbourne mexico miami \
     milan montreal morocco moscow mumbai munich nairobi nepal netherlands nigeria norway ohio \
     oregon oslo pakistan paris peru philadelphia philippines phoenix poland portland portugal \
     prague rome russia scotland seattle seoul shanghai singapore spain stockholm sweden \
     switzerland sydney taipei taiwan texas thailand tokyo toronto turkey ukraine vancouver \
     venice vermont vienna vietnam wales warsaw washington zurich zürich",
);

/// Common given names that are no other words at the beginning of a sentence.
pub(super) static GIVEN_NAMES: WordList = WordList::of(
    "aaron adam alan alex alexander alice alicia amanda amy ana andrea andrew angela anna anne \
     anthony antonio ashley barbara ben benjamin beth bob brandon brian carlos carol caroline \
     catherine charles chloe chris christina christine christopher claire clara daniel daniela \
     dave david deborah diana diego dmitri donna dylan edward elena elizabeth ella ellen emily \
     emma eric erik ethan eva evan fatima fiona francesca frank gary george hannah harry heather \
     helen henry ian ibrahim ingrid isabel isabella ivan jacob james jamie jane jason jean jeff \
     jennifer jenny jeremy jessica jim joan joe john jonathan jose joseph josh joshua juan julia \
     julie karen kate katherine kathy katie keith kelly kevin kim kyle lars laura lauren leah \
     leo lena leon linda lisa liam lucas lucy luis luke maria marie mary martin matt matthew \
     megan melanie melissa mia michael michelle miguel mike mohammed monica nancy natalie nathan \
     nick nicole nina noah olga oliver olivia oscar pablo pamela patricia paul paula peter \
     philip priya rachel rebecca richard robert roger ryan sam samantha samuel sandra sara sarah \
     scott sean sergei sharon simon sofia sophia sophie stephanie stephen steve steven susan \
     thomas tim timothy tom tony tyler vanessa veronica victor victoria vincent vladimir walter \
     wendy william yuki zoe",
);

/// Capitalised words that name no thing, beside stop words and times.
pub(super) static NO_NAMES: WordList = WordList::of(
    "ok okay omg lol fyi asap btw wow tv oh ah hmm yeah yes no hi hey hello thanks mom dad mum \
     mr mrs ms dr new year day god internet ps eta faq diy ceo cto cfo coo phd i'm i've i'll i'd let's",
);

pub(super) static PARTICLES: WordList = WordList::of("de del da di von van der la du y al bin");

/// Abbreviations whose full stop ends no sentence.
pub(super) static ABBREVIATIONS: WordList = WordList::of(
    "dr mr mrs ms prof st mt vs e.g i.e fig cf viz ca gen sen rep sgt capt lt col rev hon",
);

/// Abbreviations whose full stop may also end a sentence.
pub(super) static CLOSING_ABBREVIATIONS: WordList = WordList::of(
    "inc corp ltd co jr sr a.m p.m u.s u.k u.s.a etc approx dept ave blvd ph.d al no vol est",
);

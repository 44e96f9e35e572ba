//! Word lists of the knowledge graph: what is a technology, what no name begins with in the
//! languages that documents are likely to be in, and what says nothing about a document.

use std::sync::OnceLock;

use rustc_hash::FxHashSet;

/// A closed list of lower-case words, made into a set when it is first asked.
pub(super) struct Words {
    words: &'static str,
    set: OnceLock<FxHashSet<&'static str>>,
}

impl Words {
    pub(super) const fn of(words: &'static str) -> Self {
        Self { words, set: OnceLock::new() }
    }

    pub(super) fn holds(&self, word: &str) -> bool {
        self.set.get_or_init(|| self.words.split_whitespace().collect()).contains(word)
    }
}

/// Languages, databases, protocols, formats and tools as they are written. Those before the bar
/// are known in any case; those behind it are words too and only meant when written like this.
const TECHNOLOGIES: &str = "PostgreSQL,Postgres,MySQL,MariaDB,SQLite,MongoDB,Redis,Memcached,\
    Elasticsearch,OpenSearch,Kafka,RabbitMQ,ZeroMQ,Neo4j,CockroachDB,ClickHouse,DuckDB,DynamoDB,\
    BigQuery,Firestore,InfluxDB,Prometheus,Grafana,Kubernetes,Docker,Podman,Terraform,Ansible,\
    Nginx,HAProxy,Envoy,Istio,Linkerd,gRPC,GraphQL,Protobuf,FlatBuffers,MessagePack,Thrift,OpenAPI,\
    JavaScript,TypeScript,Python,Kotlin,Haskell,OCaml,Erlang,Elixir,Clojure,Fortran,COBOL,Golang,\
    C++,C#,F#,Node.js,Deno,WebAssembly,WASM,React.js,Angular,Vue.js,Svelte,Next.js,jQuery,Django,\
    FastAPI,Symfony,Laravel,Hibernate,TensorFlow,PyTorch,Keras,NumPy,SciPy,Jupyter,LangChain,\
    LlamaIndex,Hugging Face,ChatGPT,GPT-4,GPT-3,LLaMA,OpenCV,CUDA,OpenCL,Vulkan,OpenGL,Linux,Unix,\
    Ubuntu,Debian,Fedora,macOS,iOS,Android,FreeBSD,GitHub,GitLab,Bitbucket,Jenkins,Gradle,Maven,\
    CMake,LLVM,Clang,GCC,HTTP,HTTPS,HTTP/2,HTTP/3,TCP/IP,TCP,UDP,QUIC,DNS,TLS,SSL,SSH,FTP,SMTP,\
    IMAP,MQTT,AMQP,WebSocket,WebSockets,OAuth,OAuth2,OpenID,JWT,SAML,LDAP,Kerberos,JSON,YAML,TOML,\
    XML,CSV,HTML,HTML5,CSS,PDF,SVG,LaTeX,SQL,NoSQL,UTF-8,Unicode,SHA-256,AES,RSA,\
    HNSW,B-tree,BM25,TF-IDF,BERT,word2vec,RocksDB,LevelDB,redb,fjall,LMDB,usearch,FAISS,\
    Milvus,Qdrant,Weaviate,Pinecone,pgvector,Tantivy,Lucene,Solr,tokio,actix,actix-web,serde,\
    rustls,OpenSSL,rustc,npm,Webpack,Vite,ESLint,PowerShell,Zsh,Vim,Emacs,\
    VS Code,IntelliJ,Eclipse IDE,Azure,AWS,Amazon S3,EC2,Cloudflare Workers,Workers AI,Vectorize,\
    Google Cloud,Firebase,Supabase,Heroku,Vercel,Netlify,OpenStack,VMware,Hadoop,Apache Spark,\
    Apache Kafka,Apache Cassandra,Apache Flink,Airflow,Databricks,Bitcoin,Ethereum,\
    Solidity,Arduino,Raspberry Pi,RISC-V,x86,ARM64,Bluetooth,Wi-Fi,Zigbee,USB,PCIe,Unreal Engine,\
    Argon2,bcrypt,BLAKE3,CRDT,MapReduce,Parquet,Avro,systemd,etcd,ZooKeeper|\
    REST,SOAP,LSM,sled,Raft,Paxos,Cargo,pip,Bash,Babel,Markdown,Rust,Go,Java,Swift,Ruby,Perl,Julia,Dart,Scala,Lisp,Prolog,Ada,Zig,Nim,Lua,PHP,Spring Boot,Spring,\
    React,Flask,Rails,Git,Spark,Cassandra,Oracle Database,Windows,Chrome,Firefox,Safari,Excel,\
    PowerPoint,Photoshop,Slack,Notion,Obsidian,Helm,Consul,Vault,Puppet,Claude,Gemini,Llama,Mistral,\
    Ollama,Whisper";

/// Words after a name that say it is a technology.
pub(super) static TECHNOLOGY_NOUNS: Words = Words::of(
    "library framework database protocol server engine crate compiler runtime language package \
     toolkit sdk api algorithm format driver plugin daemon kernel interpreter cluster container \
     model codec parser orm index bibliothek datenbank sprache protokoll",
);

/// Words that end the name of an organisation, beside those that facts know.
pub(super) static ORGANIZATION_ENDINGS: Words = Words::of(
    "inc inc. ltd ltd. llc corp corp. gmbh ag kg plc se co oy ab nv bv s.a. s.p.a. foundation institute \
     university universität hochschule institut verein stiftung ministerium bundesamt universidad \
     université università consortium alliance union league council commission authority agency \
     bureau bank team laboratory labs observatory research bahn академия университет институт министерство банк",
);

/// Words that begin the name of an organisation of several words.
pub(super) static ORGANIZATION_BEGINNINGS: Words = Words::of(
    "university ministry department bank institute bundesministerium bundesamt universität \
     technische université universidad ministère ministerio",
);

/// Given names beside those that facts know.
pub(super) static MORE_GIVEN_NAMES: Words = Words::of(
    "ada grace linus guido donald dennis ken bjarne brendan yukihiro larry graydon edsger tim vint \
     barbara margaret katherine marvin geoffrey yann yoshua demis ilya elon jeff bill steve warren \
     marie rosalind niels werner erwin max johann wolfgang ludwig friedrich hans jürgen klaus petra \
     sabine ursula monika heike stefan matthias markus andreas thorsten dieter günther uwe rainer \
     pierre françois jacques céline giovanni giuseppe francesco chiara giulia josé jesús javier \
     carmen dolores иван ольга анна мария сергей алексей дмитрий наталья елена андрей михаил \
     владимир екатерина татьяна александр николай пётр юрий giorgos νίκος γιώργος μαρία ελένη",
);

/// Places beside those that facts know, as other languages write them.
pub(super) static MORE_PLACES: Words = Words::of(
    "münchen köln wien deutschland österreich schweiz frankfurt stuttgart leipzig dresden düsseldorf \
     bremen hannover nürnberg genf bern basel frankreich italien spanien europa lyon marseille españa \
     italia roma milano москва москве москвы россия россии санкт-петербург санкт-петербурге \
     петербург петербурге киев киеве берлин берлине париж париже лондон лондоне германия германии \
     китай китае сша европа европе αθήνα ελλάδα 北京 上海 中国 东京 日本 us usa uk",
);

/// Function words of other languages than English: no name begins or ends with one and no term
/// holds one.
pub(super) static FOREIGN_STOP: Words = Words::of(
    "der die das den dem des ein eine einen einem einer eines und oder aber nicht kein keine ist sind \
     war waren wird werden wurde wurden hat haben hatte ich du er sie es wir ihr mein dein sein unser \
     auf aus bei mit nach von vom zu zum zur im am ans als wie wenn weil dass daß ob für gegen ohne um \
     durch über unter vor zwischen auch nur noch schon sehr mehr hier dort dann so doch jedoch also \
     man sich mich dich uns euch ihm ihn ihnen dieser diese dieses diesem diesen jede jeder jedes alle \
     alles was wer wo wann warum welche welcher welches kann können muss müssen soll sollen will wollen \
     le la les un une des du de et ou mais ne pas est sont était être avec pour par dans sur sous ce \
     cette ces cet il elle ils elles nous vous je tu qui que quoi dont où au aux en se sa son ses leur \
     leurs plus el los las uno unos unas y o pero no es son era fue con para por sin sobre entre este \
     esta estos estas ese esa eso que quien como cuando donde lo al del su sus muy más ya también il lo \
     gli i uno e o ma non è sono era con per tra fra di da nel nella che chi come quando dove questo \
     questa si suo sua os as um uma e ou mas não é são com por para em no na nos nas ao à seu sua isso \
     het een en of maar niet is zijn was met voor van op aan bij dat die deze dit ik jij hij zij wij \
     и в во не что он на я с со как а то все она так его но да ты к у же вы за бы по только ее её мне было \
     вот от меня еще ещё нет о из ему теперь когда даже ну ли если уже или ни быть был была были него до \
     вас нибудь опять уж вам ведь там потом себя ничего ей может они тут где есть надо ней для мы тебя их \
     чем сам чтоб без будто чего раз тоже себе под будет тогда кто этот того потому этого какой ним здесь \
     этом один почти мой тем чтобы нее сейчас куда зачем всех можно при об это эта эти также который \
     которая которые которое является ο η το οι τα του της των τον την και να με σε για από είναι ήταν \
     που θα δεν στο στη στην στον ένα μια ένας αυτό αυτή ως",
);

/// Months and days of other languages than English.
pub(super) static FOREIGN_TIMES: Words = Words::of(
    "januar februar märz mai juni juli oktober dezember montag dienstag mittwoch donnerstag freitag \
     samstag sonntag woche monat jahr tag uhr heute gestern morgen janvier février mars avril juin \
     juillet août septembre octobre novembre décembre lundi mardi mercredi jeudi vendredi samedi \
     dimanche enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre \
     lunes martes miércoles jueves viernes sábado domingo января февраля марта апреля мая июня июля \
     августа сентября октября ноября декабря понедельник вторник среда четверг пятница суббота \
     воскресенье q1 q2 q3 q4 mon tue tues wed thu thur fri sat sun jan feb mar apr jun jul aug sep sept \
     oct nov dec utc gmt",
);

/// Capitalised words that documents are full of and that name nothing.
pub(super) static NO_NAMES: Words = Words::of(
    "note notes see however therefore thus hence moreover furthermore although though while since \
     because unless until yes no table figure fig chapter section appendix page pages example examples \
     introduction abstract conclusion conclusions summary overview background references contents \
     index todo fixme faq readme changelog copyright license version usage step steps part item \
     none null true false nan ok warning error info debug default optional required important tip \
     first second third finally next then also let given suppose consider dear hello regards \
     kapitel abschnitt tabelle abbildung anhang einleitung zusammenfassung inhalt beispiel hinweis \
     kib mib gib kb mb gb tb company system project компания система город проект \
     herr frau глава раздел таблица рисунок введение заключение",
);

/// Capitals that are no acronym worth a node.
pub(super) static NO_ACRONYMS: Words = Words::of(
    "ok am pm ad bc ii iii iv vi vii viii ix xi xii xiii xiv xv xx get post put delete patch head \
     options and or not null true false yes no on off if in is it to do we as at be by so the for all \
     any new todo fixme faq ps nb rfc eta tbd tba fyi asap etc id ids kb mb gb tb ms hz khz mhz ghz kib \
     mib gib cpu url uri ascii must should may utc gmt eur usd gbp vs isbn doi pp eg ie wip lgtm",
);

/// Words too general to be what a document is about.
pub(super) static GENERAL: Words = Words::of(
    "thing things way ways time times part parts case cases kind kinds lot number numbers example \
     examples people person world place name names list lists word words value values line lines \
     side end start point points line fact reason result results set sets form forms type types use \
     uses used user users work works day days week month year years hour minute second seconds half \
     rest order place state change changes question questions answer answers problem problems section \
     chapter page pages figure table item items step steps thing file files folder bit bits byte bytes \
     anything something nothing everything anyone someone nobody everybody first last next one two \
     three four five six seven eight nine ten twenty thirty hundred thousand million percent same \
     other others another every each many few several such like well good better best new old long \
     short small large big high low whole single several different various possible certain full empty \
     called given made done said left right always never often still already even only least most \
     more less enough however therefore though instead rather else ever yet perhaps maybe whether \
     without within between because since until while where when there here above below before after \
     back away along across around look looks need needs want wants come comes goes made make makes \
     take takes keep keeps let lets say says tell tells know knows think gives give given show shows \
     shown hold holds held stand stands stood means mean begin begins found find finds get gets got \
     goes going done doing does take took taken thing able true false yes note notes see also etc per \
     via non self text once both either neither nor none almost longer bytes kept sure far near behind \
     today tomorrow yesterday ago later soon early late total amount level area group groups member \
     members piece pieces pair pairs row rows column columns place places method methods room open limit limits address addresses body bodies version versions rest letters letter default defaults doc docs elsewhere owner alone data entry entries count counts \
     current previous following additional main major common general important available",
);

/// Organisations that go by a single word or by letters, as they are written.
static ORGANIZATIONS: Words = Words::of(
    "OpenAI Google Microsoft Apple Amazon Meta Facebook IBM Intel NVIDIA Nvidia AMD Mozilla Anthropic \
     DeepMind Oracle SAP Siemens Bosch Tesla Twitter LinkedIn Netflix Uber Airbnb Spotify Samsung Sony \
     Toyota Volkswagen BMW NASA ESA CERN UN EU UNESCO UNICEF NATO OPEC IEEE ACM W3C IETF ISO DARPA MIT \
     Cloudflare Databricks Stripe PayPal Яндекс Газпром Сбербанк 阿里巴巴 腾讯 华为 百度",
);

/// Whether a name is that of a known organisation, by how it is written.
pub(super) fn is_organization(name: &str) -> bool {
    ORGANIZATIONS.holds(name)
}

/// Words that begin a sentence more often than a name, also when the document has them once.
pub(super) static TITLES: Words =
    Words::of("mr mrs ms dr prof professor herr frau dr.-ing dipl.-ing");

struct Technologies {
    /// In lower case.
    any_case: FxHashSet<String>,
    as_written: FxHashSet<&'static str>,
    /// First words, in lower case.
    first_words: FxHashSet<String>,
    words_max: usize,
}

fn technologies() -> &'static Technologies {
    static TABLE: OnceLock<Technologies> = OnceLock::new();
    TABLE.get_or_init(|| {
        let (any, exact) = TECHNOLOGIES.split_once('|').unwrap_or((TECHNOLOGIES, ""));
        let names = |list: &'static str| list.split(',').map(str::trim);
        let all = names(any).chain(names(exact));
        let first_word = |name: &'static str| {
            let first = name.split(' ').next().unwrap_or_default();
            first.trim_end_matches(['+', '#']).to_lowercase()
        };
        Technologies {
            any_case: names(any).map(str::to_lowercase).collect(),
            as_written: names(exact).collect(),
            first_words: all.clone().map(first_word).collect(),
            words_max: all.map(|name| name.split(' ').count()).max().unwrap_or(1),
        }
    })
}

/// Whether a name is a known technology, by how it is written.
pub(super) fn is_technology(name: &str) -> bool {
    let table = technologies();
    table.as_written.contains(name) || table.any_case.contains(&name.to_lowercase())
}

/// Whether a known technology begins with a word in lower case.
pub(super) fn begins_technology(word: &str) -> bool {
    technologies().first_words.contains(word)
}

/// Words of the longest known technology.
pub(super) fn technology_words_max() -> usize {
    technologies().words_max
}

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::properties::Properties;

crate::words! {
    /// A colour.
    enum Colour {
        /// Warm.
        Red = "RED",
        /// Cold.
        DarkBlue = "DARK_BLUE",
    }
}

crate::config_keys! {
    /// What a lamp can be told.
    struct LampConfig;
    inert &[Inert { reason: "lamps have no wheels", names: &["wheelCount", "wheelSize"] }];
    promises &[Promise { name: "bulbType", kept: "LED", reason: "other bulbs burn out" }];

    section "Light";
    /// How bright it shines,
    /// in lumen.
    "brightnessLumen" [mutable, important] brightness_lumen: i32 = 800, 0..=2000;
    /// Its colour.
    "lightColour" [mutable] colour: Colour = Colour::Red;
    /// Whether it shines.
    "lightOn" [mutable] on: bool = false;

    section "Place";
    /// Where it stands.
    "roomName" [fixed, important] room: String = String::new();
    /// When it was bought.
    "boughtTime" [fixed] bought_ms: i64 = -1;
}

fn load(text: &str) -> Result<Loaded<LampConfig>, KeyError> {
    let mut loaded = Loaded::new(LampConfig::default());
    loaded.read(text.as_bytes(), "lamp.conf").map(|()| loaded)
}

fn refusal(text: &str) -> String {
    load(text).unwrap_err().to_string()
}

fn warnings(text: &str) -> Vec<String> {
    load(text).unwrap().warnings.iter().map(ToString::to_string).collect()
}

fn update(lamp: &Live<LampConfig>, text: &str) -> Result<Update, KeyError> {
    lamp.update(&Properties::parse(text).unwrap())
}

#[test]
fn reads_what_was_written_and_defaults_for_the_rest() {
    let loaded = load("brightnessLumen= 1200 \nlightColour=dark_blue\nlightOn=TRUE\nbulbType=led").unwrap();
    let expected = LampConfig { brightness_lumen: 1200, colour: Colour::DarkBlue, on: true, ..LampConfig::default() };
    assert_eq!(loaded.values, expected);
    assert_eq!(loaded.warnings, []);
}

#[test]
fn a_refusal_says_where_what_and_what_would_do() {
    assert_eq!(
        refusal("\nbrightnessLumen=2001"),
        "lamp.conf:2: brightnessLumen is \"2001\", but must be a whole number from 0 to 2000"
    );
    assert_eq!(
        refusal("brightnessLumen=1k"),
        "lamp.conf:1: brightnessLumen is \"1k\", but must be a whole number from 0 to 2000"
    );
    assert_eq!(
        refusal("boughtTime=soon"),
        "lamp.conf:1: boughtTime is \"soon\", but must be a whole number, at least -9223372036854775808"
    );
    assert_eq!(refusal("lightOn=yes"), "lamp.conf:1: lightOn is \"yes\", but must be true or false");
    assert_eq!(
        refusal("lightColour=green"),
        "lamp.conf:1: lightColour is \"green\", but must be one of RED, DARK_BLUE"
    );
    assert_eq!(refusal("bulbType=NEON"), "lamp.conf:1: bulbType=NEON is not served: other bulbs burn out; only LED is");
    assert_eq!(refusal("\\u1"), "lamp.conf: line 1: \\u must be followed by four hexadecimal digits");
}

#[test]
fn unknown_keys_are_warned_about_with_the_nearest_known_one() {
    assert_eq!(
        warnings("BrightnessLumen=1\nlightColor=RED\nwheelsSize=1\nbulbTypes=LED\nxyz=1"),
        [
            "lamp.conf:1: unknown key \"BrightnessLumen\" is ignored; did you mean \"brightnessLumen\"?",
            "lamp.conf:2: unknown key \"lightColor\" is ignored; did you mean \"lightColour\"?",
            "lamp.conf:3: unknown key \"wheelsSize\" is ignored; did you mean \"wheelSize\"?",
            "lamp.conf:4: unknown key \"bulbTypes\" is ignored; did you mean \"bulbType\"?",
            "lamp.conf:5: unknown key \"xyz\" is ignored",
        ]
    );
}

#[test]
fn inert_keys_are_kept_and_printed_again() {
    let loaded = load("wheelCount=4").unwrap();
    assert_eq!(loaded.warnings[0].to_string(), "lamp.conf:1: wheelCount has no effect: lamps have no wheels");
    let text = loaded.properties().to_string();
    assert_eq!(
        text,
        "boughtTime=-1\nbrightnessLumen=800\nbulbType=LED\nlightColour=RED\nlightOn=false\nroomName=\nwheelCount=4\n"
    );
    assert_eq!(important(&loaded.values).to_string(), "brightnessLumen=800\nroomName=\n");
}

#[test]
fn an_update_changes_all_or_nothing() {
    let lamp = Live::new(load("roomName=hall").unwrap());
    let before = lamp.snapshot();
    let error = update(&lamp, "brightnessLumen=1\nroomName=attic").unwrap_err();
    assert_eq!(
        error.to_string(),
        "roomName can only be set at start (it is \"hall\"): write it into the configuration file and restart"
    );
    let error = update(&lamp, "brightnessLumen=1\nlightIn=true").unwrap_err();
    assert_eq!(error.to_string(), "there is no key \"lightIn\"; did you mean \"lightOn\"?");
    let error = update(&lamp, "brightnessLumen=1\nlightOn=maybe").unwrap_err();
    assert_eq!(error.to_string(), "update:2: lightOn is \"maybe\", but must be true or false");
    assert!(update(&lamp, "bulbType=NEON").is_err());
    assert!(Arc::ptr_eq(&before, &lamp.snapshot()));

    let done = update(&lamp, "brightnessLumen=1\nroomName=hall\nlightOn=false\nwheelCount=3\nbulbType=LED").unwrap();
    assert_eq!(done.properties().to_string(), "brightnessLumen=1\nwheelCount=3\n");
    assert_eq!(done.warnings.len(), 1);
    assert_eq!(lamp.get().brightness_lumen, 1);
    assert_eq!(lamp.properties().get("wheelCount"), Some("3"));
}

#[test]
fn the_sample_file_reads_as_the_defaults() {
    let sample = sample_file::<LampConfig>("lamp.conf");
    assert_eq!(load(&sample).unwrap().values, LampConfig::default());
    let uncommented: String =
        sample.lines().filter_map(|line| line.strip_prefix('#')).map(|l| format!("{l}\n")).collect();
    let uncommented: String =
        uncommented.lines().filter(|line| !line.starts_with([' ', '#'])).map(|l| format!("{l}\n")).collect();
    assert_eq!(uncommented.lines().count(), LampConfig::KEYS.len());
    assert_eq!(load(&uncommented).unwrap().values, LampConfig::default());
}

#[test]
fn the_reference_page_names_everything() {
    let page = reference_page::<LampConfig>("Lamp");
    for part in [
        "## Light\n\n| key |",
        "| `brightnessLumen` | How bright it shines, in lumen. | `800` | a whole number from 0 to 2000 | at once |\n",
        "| `roomName` | Where it stands. | empty | a text | at start |\n",
        "| `bulbType` | `LED` | other bulbs burn out |",
        "Lamps have no wheels: `wheelCount`, `wheelSize`.",
    ] {
        assert!(page.contains(part), "{part:?} is not in:\n{page}");
    }
}

#[test]
fn distances() {
    for (from, to, expected) in
        [("", "", 0), ("abc", "abc", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("ab", "ba", 2)]
    {
        assert_eq!(distance(from, to), expected, "{from} {to}");
    }
}

proptest! {
    #[test]
    fn whatever_is_printed_reads_back(lumen in 0..=2000_i32, on: bool, room in "\\PC*", bought_ms: i64) {
        let values = LampConfig { brightness_lumen: lumen, colour: Colour::DarkBlue, on, room: room.trim().to_owned(), bought_ms };
        let text = Loaded::new(values.clone()).properties().to_string();
        prop_assert_eq!(load(&text).unwrap().values, values);
    }

    #[test]
    fn a_number_is_taken_exactly_within_its_range(number in -5000..5000_i64) {
        let taken = load(&format!("brightnessLumen={number}"));
        prop_assert_eq!(taken.is_ok(), (0..=2000).contains(&number));
    }

    #[test]
    fn distance_is_symmetric_and_bounded(a in "[a-c]{0,8}", b in "[a-c]{0,8}") {
        prop_assert_eq!(distance(&a, &b), distance(&b, &a));
        prop_assert!(distance(&a, &b) <= a.len().max(b.len()));
        prop_assert_eq!(distance(&a, &b) == 0, a == b);
    }
}

import Address
import JSON
import Settings
import Testing
import Text

/// A configuration with one key of each kind.
private struct Sample: Sendable, Equatable {
    enum Colour: String, CaseIterable, Sendable { case red, blue }
    struct Token: Sendable, Equatable {
        var name = ""
        var secret: Secret?
    }

    var name = "nobody"
    var colour = Colour.red
    var listen: ListenAddress?
    var count = 1
    var isOn = false
    var base = "/base"
    var below = "/base/below"
    var tokens: [Token] = []

    static let tokenTable = SettingsTable<Token>([
        .required("name", .text, \.name, orElse: "each token has one", "what it is called"),
        Setting("secret", .secret, optional: \.secret, .nothing, "the token"),
    ])

    static let table = SettingsTable<Sample>([
        .required("name", .text, \.name, orElse: "everybody has one", "who this is"),
        .named("colour", or: "color", .choice, \.colour, .value("red"), "what it looks like"),
        Setting("listen", .address, optional: \.listen, .words("off"), "where it listens"),
        Setting("count", .count(1...9), \.count, .value("1"), "how many"),
        Setting("on", .flag, \.isOn, .value("false"), "whether it is on"),
        Setting("base", .text, \.base, .value("/base"), "where it is"),
        Setting(
            "below", .text, \.below, .words("`below` in `base`"), "what is there",
            whenAbsent: { $0.below = $0.base + "/below" }),
        Setting("tokens", .list(of: .object(tokenTable, from: Token())), \.tokens, .nothing, "who may come in"),
        .ignored("old"),
    ])
}

@Suite struct `A table of settings` {
    private func read(
        _ text: String, places: [SettingPath: SettingPlace] = [:]
    ) throws -> (sample: Sample, notes: [String]) {
        let object = try JSONValue.parse(Array(text.utf8)).objectValue ?? JSONObject()
        let (root, notes) = try Sample.table.read(SettingsSource(object, places: places), into: Sample())
        return (root, notes.map(\.description))
    }

    private func problem(_ text: String, places: [SettingPath: SettingPlace] = [:]) -> String {
        do {
            _ = try read(text, places: places)
            return ""
        } catch { return "\(error)" }
    }

    @Test func `puts what is given into a configuration and leaves the rest as it is`() throws {
        let (sample, notes) = try read(#"{"name":"a","count":"3","on":1,"listen":"[::1]:80","old":[1]}"#)
        #expect(
            sample
                == Sample(name: "a", listen: ListenAddress(host: "::1", port: 80), count: 3, isOn: true))
        #expect(notes.isEmpty)
    }

    @Test func `takes null for absent and an empty text for none`() throws {
        #expect(try read(#"{"name":"a","count":null,"listen":"","colour":"","on":null}"#).sample == Sample(name: "a"))
        #expect(problem(#"{"name":null}"#) == "the key 'name' is missing: everybody has one")
    }

    @Test func `tells the mistake of the first key of the table, whatever the order of the file`() {
        #expect(problem(#"{"on":"x","count":0,"name":"a"}"#) == "the key 'count' is wrong: it is a number from 1 to 9")
        #expect(problem(#"{"count":0}"#) == "the key 'name' is missing: everybody has one")
    }

    @Test(arguments: [
        (#"{"name":"a","on":"yes"}"#, "the key 'on' is wrong: it is true or false"),
        (#"{"name":{}}"#, "the key 'name' is wrong: it is an object and should be a string"),
        (#"{"name":"a\u0000b"}"#, "the key 'name' is wrong: it has a NUL in it"),
        (
            #"{"name":"a","colour":"gr\u001ben"}"#,
            #"the key 'colour' is wrong: it is 'gr\u{1b}en' and should be red or blue"#
        ),
        (#"{"name":"a","count":10}"#, "the key 'count' is wrong: it is a number from 1 to 9"),
        (#"{"name":"a","count":1e300}"#, "the key 'count' is wrong: it is a number from 1 to 9"),
        (#"{"name":"a","tokens":{}}"#, "the key 'tokens' is wrong: it is an object and should be a list"),
        (#"{"name":"a","tokens":[7]}"#, "the key 'tokens[0]' is wrong: it is a number and should be an object"),
        (
            #"{"name":"a","tokens":[{"name":"x"},{"secret":"s"}]}"#,
            "the key 'tokens[1].name' is missing: each token has one"
        ),
    ])
    func `says which key is wrong and why`(text: String, expected: String) { #expect(problem(text) == expected) }

    @Test func `knows a key by two names, which may not disagree`() throws {
        #expect(try read(#"{"name":"a","color":"blue"}"#).sample.colour == .blue)
        #expect(try read(#"{"name":"a","color":"blue","colour":"blue"}"#).sample.colour == .blue)
        #expect(
            problem(#"{"name":"a","color":"blue","colour":"red"}"#)
                == "the key 'color' is wrong: it is one key with 'colour', which says something else")
    }

    @Test func `lets a default depend on the keys before it`() throws {
        #expect(try read(#"{"name":"a","base":"/b"}"#).sample.below == "/b/below")
        #expect(try read(#"{"name":"a","below":"/c","base":"/b"}"#).sample.below == "/c")
    }

    @Test func `notes unknown keys, safe to show, wherever they are`() throws {
        let (_, notes) = try read(#"{"nam\u001be":1,"name":"a","tokens":[{"name":"x","sekret":"s"}]}"#)
        #expect(
            notes == [
                "the key 'tokens[0].sekret' is not known and is ignored",
                #"the key 'nam\u{1b}e' is not known and is ignored"#,
            ])
    }

    @Test func `says where a mistake stands, where that is known`() throws {
        let token = SettingPath().member("tokens").element(1)
        let places = [
            SettingPath().member("on"): SettingPlace(line: 3, column: 7),
            token: SettingPlace(file: "agent.yaml", line: 9, column: 1),
        ]
        #expect(
            problem(#"{"name":"a","on":"x"}"#, places: places)
                == "line 3, column 7: the key 'on' is wrong: it is true or false")
        #expect(
            problem(#"{"name":"a","tokens":[{"name":"x"},{}]}"#, places: places)
                == "agent.yaml, line 9, column 1: the key 'tokens[1].name' is missing: each token has one")
        #expect(
            try read(#"{"name":"a","tokens":[{"name":"x"},{"name":"y","z":1}]}"#, places: places).notes == [
                "agent.yaml, line 9, column 1: the key 'tokens[1].z' is not known and is ignored"
            ])
    }

    @Test func `shows no secret in an error or a configuration`() throws {
        let sample = try read(#"{"name":"a","tokens":[{"name":"x","secret":"EXAMPLE"}]}"#).sample
        #expect(sample.tokens.first?.secret?.value == "EXAMPLE")
        #expect(!"\(sample)".contains("EXAMPLE"))
        #expect(!problem(#"{"name":"a","tokens":[{"name":"x","secret":["EXAMPLE"]}]}"#).contains("EXAMPLE"))
    }

    @Test func `is a table of the documents too`() {
        #expect(
            Sample.tokenTable.markdown == """
                | key | default | |
                | --- | --- | --- |
                | `name` | none | what it is called |
                | `secret` | | the token |

                """)
        #expect(Sample.table.markdown.contains("| `colour` or `color` | `red` | what it looks like |\n"))
        #expect(Sample.table.markdown.contains("| `old` | | accepted and ignored |\n"))
    }
}

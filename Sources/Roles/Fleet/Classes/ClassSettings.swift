import JSON
import Settings
import Text

/// The keys of a class's definition.
package enum ClassSettings {
    package static let table = SettingsTable<FleetClass>([
        Setting("name", name, \.name, .nothing, "its name: letters, digits and `._-`"),
        Setting("targets", selections, \.targets, .nothing, "which nodes receive: an expression, or several"),
        Setting("caches", selections, \.caches, .nothing, "which nodes receive and seed, and publish nothing"),
        Setting("include", patterns, \.include, .nothing, "regular expressions: only paths that match one travel"),
        Setting("exclude", patterns, \.exclude, .nothing, "regular expressions: paths that match one stay"),
        Setting(
            "senders", senders, \.senders, .value("[role:admin]"),
            "who may send: `node:NAME`, `token:NAME`, `role:NAME`"),
        Setting("keytime", seconds(1...86_400), \.keyTime, .value("10m"), "how long a job's one-time key can be used"),
        Setting("dest", destination, \.destination, .value("the class's name"), "where targets put it"),
        Setting("publish", .choice, \.publish, .value("replace"), "`replace`, or `versions` beside each other"),
        Setting("keep", .count(1...1000), \.keep, .value("3"), "versions that stay"),
        Setting("switch", .choice, \.course.switches, .value("each"), "`each` when ready, `together`, or `manual`"),
        Setting(
            "hook", hook, optional: \.hook, .nothing,
            "what runs after the switch: a name in the node's file, or `{name, args}`"),
        Setting(
            "catchup", .choice, \.catchUp, .value("none"), "`latest`: nodes that return or newly match get the last job"
        ),
        Setting("waves", waves, \.course.waves, .value("[100%]"), "how many targets may have switched after each wave"),
        Setting("wavesof", .choice, \.wavesOf, .value("switch"), "`transfer`: waves gate the bytes too"),
        Setting("wait", duration(0...30 * 86_400), \.course.wait, .value("10m"), "between two waves"),
        Setting("approve", .flag, \.course.approve, .value("false"), "each next wave needs an order"),
        Setting("maxfailures", share, \.course.maxFailures, .value("10%"), "how many may fail, in a wave and in all"),
        Setting("verify", .choice, optional: \.verify, .nothing, "`dcp`: asset map and packing lists must hold"),
        Setting("p2p", .flag, \.peerToPeer, .value("true"), "false: bytes come from sender, caches and sources only"),
        Setting("block", block, optional: \.block, .words("by size"), "piece length, 16 KiB to 64 MiB"),
        Setting("sendfile", .flag, \.sendfile, .value("true"), "bytes go from the page cache to the socket"),
        Setting("isolation", .choice, \.isolation, .value("job"), "`open`: any BitTorrent client may take part"),
        Setting("sources", SourceSettings.form, \.sources, .nothing, "bucket, CDN and their shares, as of a task file"),
        Setting(
            "limits", .object(limits, from: FleetLimits()), \.limits, .nothing, "rates of targets, sites and sender"),
        Setting(
            "windows", .list(of: .object(window, from: FleetWindow())), \.windows, .words("always"),
            "hours of transfer, in a target's local time"),
        Setting(
            "seedinwindow", .flag, \.seedsInWindow, .value("false"), "nodes that have all give only in the windows too"),
        Setting("timeout", seconds(1...86_400), \.timeout, .value("10m"), "without a byte, until a target has failed"),
        Setting("seedtime", seconds(0...86_400), \.seedTime, .value("30m"), "how long caches seed after a job"),
        Setting("retries", .count(0...100), \.course.retries, .value("3"), "times that a target is tried again"),
        Setting(
            "expires", duration(60...400 * 86_400), \.course.expires, .value("7d"),
            "until targets that are away are given up"),
        Setting("deadline", .text, optional: \.deadline, .nothing, "when it should be everywhere: `6h`, or a time"),
        Setting("priority", .count(0...9), \.priority, .value("5"), "higher ones come first"),
        Setting("check", .choice, \.check, .value("sha256"), "the sums in receipts"),
    ])

    /// The keys as tables, for the documents; those of `sources` have their own.
    package static var markdown: String {
        table.markdown + "\n`limits`:\n\n\(limits.markdown)\n`windows[]`:\n\n\(window.markdown)"
    }

    private static let limits = SettingsTable<FleetLimits>([
        Setting("down", rate, optional: \.down, .words("none"), "bytes a second that a target receives"),
        Setting("up", rate, optional: \.up, .words("none"), "bytes a second that a target gives"),
        Setting("site", rate, optional: \.site, .words("none"), "bytes a second of all nodes of a site together"),
        Setting("sender", rate, optional: \.sender, .words("none"), "bytes a second that the sender gives"),
    ])

    package static let window = SettingsTable<FleetWindow>([
        Setting("days", days, \.days, .words("all"), "`mon` to `sun`"),
        Setting("from", minute, \.from, .value("00:00"), "when it opens"),
        Setting("to", minute, \.to, .value("24:00"), "when it closes"),
        Setting("limit", rate, optional: \.limit, .words("none"), "bytes a second in it"),
    ])

    // MARK: Forms

    private static var name: SettingForm<String> {
        SettingForm { node throws(SettingsError) in
            let text = try node.text
            guard LabelKey.isValid(text), !text.contains("/") else {
                throw node.wrong("it is 1 to 63 letters, digits and ._-, and starts with a letter or digit")
            }
            return text
        }
    }

    /// One element, or a list of at most 1,000.
    private static func oneOrMore<Element>(
        _ read: @escaping @Sendable (SettingNode) throws(SettingsError) -> Element
    ) -> SettingForm<[Element]> {
        SettingForm { node throws(SettingsError) in
            guard let elements = node.value.arrayValue else { return [try read(node)] }
            guard elements.count <= 1000 else { throw node.wrong("it has more than 1,000 elements") }
            var values: [Element] = []
            for (index, element) in elements.enumerated() {
                values.append(try read(SettingNode(value: element, path: node.path.element(index))))
            }
            return values
        }
    }

    private static var texts: SettingForm<[String]> { oneOrMore { node throws(SettingsError) in try node.text } }

    private static var selections: SettingForm<Selections> {
        let list = oneOrMore { node throws(SettingsError) in
            do throws(SelectionProblem) {
                return try Selection(try text(of: node))
            } catch { throw node.wrong(error.description) }
        }
        return SettingForm { node throws(SettingsError) in
            var notes: [SettingNote] = []
            return try list.value(of: node, &notes).map(Selections.init)
        }
    }

    private static func text(of node: SettingNode) throws(SelectionProblem) -> String {
        guard let text = node.value.lenientText else { throw SelectionProblem(at: 0, "it is \(node.value.kind)") }
        return text
    }

    private static var patterns: SettingForm<[String]> {
        oneOrMore { node throws(SettingsError) in
            let text = try node.text
            guard text.utf8.count <= 1024, (try? Regex(text)) != nil else {
                throw node.wrong("it is no regular expression, or one of more than 1,024 bytes")
            }
            return text
        }
    }

    private static func seconds(_ range: ClosedRange<Int>) -> SettingForm<Int> {
        SettingForm { node throws(SettingsError) in
            guard let seconds = DurationText.seconds(try node.text, unit: 1), range.contains(seconds) else {
                throw node.wrong("it is a duration such as 90s, 10m, 2h or 7d")
            }
            return seconds
        }
    }

    private static func duration(_ range: ClosedRange<Int>) -> SettingForm<Double> {
        let form = seconds(range)
        return SettingForm { node throws(SettingsError) in
            var notes: [SettingNote] = []
            return try form.value(of: node, &notes).map(Double.init)
        }
    }

    private static var destination: SettingForm<String> {
        SettingForm { node throws(SettingsError) in
            let text = try node.text
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            guard !text.isEmpty, text.utf8.count <= 1024, text.utf8.last != UInt8(ascii: "/"),
                !parts.dropFirst(text.hasPrefix("/") ? 1 : 0).contains(where: { $0.isEmpty || $0 == "." || $0 == ".." })
            else { throw node.wrong("it is a path without '.', '..' and '//', and no '/' at its end") }
            return text
        }
    }

    private static var hook: SettingForm<HookCall> {
        SettingForm { node throws(SettingsError) in
            let call: HookCall?
            if let object = node.value.objectValue {
                guard let name = object["name"]?.stringValue, object.keys.allSatisfy({ $0 == "name" || $0 == "args" })
                else {
                    throw node.wrong("it is a name, or {name, args}")
                }
                let arguments = object["args"]?.arrayValue ?? []
                let texts = arguments.compactMap(\.lenientText)
                call = texts.count == arguments.count ? HookCall(name: name, arguments: texts) : nil
            } else {
                call = HookCall(name: try node.text)
            }
            guard let call else { throw node.wrong("it names a hook, with at most 16 arguments of 1 KiB") }
            return call
        }
    }

    private static var senders: SettingForm<[String]> {
        oneOrMore { node throws(SettingsError) in
            let text = try node.text
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            let isKnown =
                switch (parts.first, parts.last.map(String.init)) {
                case ("role", let name): ["operator", "admin"].contains(name)
                case ("node", let name?), ("token", let name?): (1...255).contains(name.utf8.count)
                default: false
                }
            guard isKnown else { throw node.wrong("it is node:NAME, token:NAME, role:operator or role:admin") }
            return text
        }
    }

    private static var waves: SettingForm<[WaveSize]> {
        let list = oneOrMore { node throws(SettingsError) in
            guard let size = WaveSize(try node.text) else { throw node.wrong("it is a number or a share such as 5%") }
            return size
        }
        return SettingForm { node throws(SettingsError) in
            var notes: [SettingNote] = []
            guard let sizes = try list.value(of: node, &notes), (1...100).contains(sizes.count) else {
                throw node.wrong("it is a list of 1 to 100 sizes such as [1, 5%, 100%]")
            }
            guard !zip(sizes, sizes.dropFirst()).contains(where: { $0.reachesFurther(than: $1) }) else {
                throw node.wrong("each wave reaches further than the one before, as in [1, 5%, 100%]")
            }
            return sizes
        }
    }

    private static var share: SettingForm<WaveSize> {
        SettingForm { node throws(SettingsError) in
            let text = try node.text
            if text == "0" { return .count(0) }
            guard let size = WaveSize(text) else { throw node.wrong("it is a number or a share such as 10%") }
            return size
        }
    }

    private static var block: SettingForm<Int64> {
        SettingForm { node throws(SettingsError) in
            guard let bytes = ByteText.bytes(try node.text), bytes.nonzeroBitCount == 1,
                (16 << 10...64 << 20).contains(bytes)
            else { throw node.wrong("it is a power of two from 16 KiB to 64 MiB, such as 1MiB") }
            return bytes
        }
    }

    /// Bytes a second; 0 is no limit.
    package static var rate: SettingForm<Int64> {
        SettingForm { node throws(SettingsError) in
            let text = try node.text
            guard let bytes = ByteText.bytes(text), bytes >= 0 else {
                throw node.wrong("it is bytes a second, such as 10MiB")
            }
            return bytes == 0 ? nil : bytes
        }
    }

    private static let dayNames = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]

    private static var days: SettingForm<Set<Int>> {
        let list = oneOrMore { node throws(SettingsError) in
            let text = try node.text.lowercased()
            guard text.utf8.count >= 3, let day = dayNames.firstIndex(of: String(text.prefix(3))) else {
                throw node.wrong("it is a day: mon, tue, wed, thu, fri, sat, sun")
            }
            return day
        }
        return SettingForm { node throws(SettingsError) in
            var notes: [SettingNote] = []
            return try list.value(of: node, &notes).map(Set.init)
        }
    }

    private static var minute: SettingForm<Int> {
        SettingForm { node throws(SettingsError) in
            let parts = try node.text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, parts.allSatisfy({ (1...2).contains($0.utf8.count) }), let hour = Int(parts[0]),
                let minute = Int(parts[1]), (0...59).contains(minute), (0...24).contains(hour), hour < 24 || minute == 0
            else { throw node.wrong("it is a time of day such as 22:00") }
            return hour * 60 + minute
        }
    }
}

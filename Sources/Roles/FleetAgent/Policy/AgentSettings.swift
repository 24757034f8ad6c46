import Address
import Fleet
import JSON
import Settings
import Text

/// The keys of the agent's configuration file.
package enum AgentSettings {
    package static let table = SettingsTable<AgentConfiguration>([
        Setting(
            "listen", listen, optional: \.listen, .words("a free port from 6881 on"),
            "where peers reach this host: an address and port; `none`: nobody dials it"),
        Setting(
            "proxy", .url("http"), optional: \.proxy, .words("none"), "a proxy by which control is dialled (CONNECT)"),
        Setting(
            "receive", .object(receive, from: ReceiveSettings()), \.receive, .words("receives nothing"),
            "what may land here"),
        Setting(
            "send", .object(send, from: SendSettings()), \.send, .words("sends nothing"), "what may be sent from here"),
        Setting("hooks", hooks, \.hooks, .nothing, "programs that classes may call, by name"),
        Setting("limits", .object(limits, from: RateSettings()), \.limits, .nothing, "rates of the whole host"),
        Setting(
            "windows", .list(of: .object(ClassSettings.window, from: FleetWindow())), \.windows, .words("always"),
            "hours of transfer, in this host's local time"),
        Setting("cache", cache, optional: \.cache, .words("none"), "where content is kept for others"),
        Setting("stores", stores, \.stores, .nothing, "buckets and this host's keys for them, by the bucket's name"),
        Setting("host", host, \.labels, .nothing, "`labels` of this host, under `host/`"),
    ])

    private static let receive = SettingsTable<ReceiveSettings>([
        Setting("roots", paths, \.roots, .nothing, "directories below which content may land"),
        Setting("classes", names, \.classes, .words("any"), "classes that are received"),
        Setting("overwrite", .flag, \.overwrite, .value("false"), "replace what no job of the fleet put there"),
        Setting("reserve", size, \.reserve, .value("1GiB"), "space that is kept free"),
        Setting("max_size", size, optional: \.largest, .words("any"), "the largest content"),
        Setting("parallel", .count(1...1000), \.parallel, .value("2"), "jobs that receive at a time"),
    ])

    private static let send = SettingsTable<SendSettings>([
        Setting("roots", paths, \.roots, .nothing, "directories below which content may be sent"),
        Setting("users", names, \.users, .words("root and the agent's own"), "local users who may send"),
    ])

    private static let hook = SettingsTable<HookSettings>([
        .required("run", command, \.run, orElse: "it is a list: an absolute path, and arguments", "the program"),
        Setting("user", .text, optional: \.user, .words("the agent's"), "as whom it runs"),
        Setting("timeout", seconds, \.timeout, .value("10m"), "after which it is ended"),
        Setting("retry", statuses, \.retry, .nothing, "exit statuses after which it may be tried again"),
    ])

    private static let limits = SettingsTable<RateSettings>([
        Setting("down", ClassSettings.rate, optional: \.down, .words("none"), "bytes a second that are received"),
        Setting("up", ClassSettings.rate, optional: \.up, .words("none"), "bytes a second that are given"),
    ])

    private static let caching = SettingsTable<CacheSettings>([
        Setting("dir", path, \.directory, .words("none"), "a directory of its own"),
        Setting("size", size, optional: \.size, .words("what the disk has"), "the most that it takes"),
    ])

    private static let store = SettingsTable<StoreSettings>([
        Setting(
            "endpoint", .text, optional: \.endpoint, .words("the class's"),
            "host or URL of the store; keys are used at this one only"),
        Setting("access_key", .secret, optional: \.accessKey, .words("none"), "the access key"),
        Setting(
            "secret_key", .secret, optional: \.secretKey, .words("none"), "its secret: the file needs mode 600 then"),
        Setting(
            "region", .text, optional: \.region, .words("by the endpoint"), "the region that requests are signed for"),
        Setting("style", .choice, optional: \.style, .words("by the endpoint"), "`path` or `virtual`"),
        Setting("signature", .choice, optional: \.signature, .words("the class's"), "`v4` or `v2`"),
    ])

    /// All keys, for the documents.
    package static var markdown: String {
        let groups: [(String, String)] = [
            ("receive", receive.markdown), ("send", send.markdown), ("hooks.NAME", hook.markdown),
            ("limits", limits.markdown), ("windows[]", ClassSettings.window.markdown), ("cache", caching.markdown),
            ("stores.BUCKET", store.markdown),
        ]
        return table.markdown + groups.map { "\n`\($0.0)`:\n\n\($0.1)" }.joined()
    }

    // MARK: Forms

    private static var listen: SettingForm<AgentConfiguration.Listen> {
        SettingForm { node throws(SettingsError) in
            let text = try node.text
            if text == "none" { return AgentConfiguration.Listen.none }
            guard let address = PeerAddress(text) else {
                throw node.wrong("it is an address and port such as [::]:6881, or 'none'")
            }
            return .address(address)
        }
    }

    private static var path: SettingForm<String> {
        SettingForm { node throws(SettingsError) in
            let text = try node.text
            guard let path = AbsolutePath.normal(text) else {
                throw node.wrong("it is an absolute path without '.' and '..', and not '/' itself")
            }
            return path
        }
    }

    private static var paths: SettingForm<[String]> { list(of: path, most: HostPolicy.mostRoots) }

    private static var names: SettingForm<[String]> {
        list(
            of: SettingForm { node throws(SettingsError) in
                let text = try node.text
                guard (1...255).contains(text.utf8.count) else { throw node.wrong("it is a name") }
                return text
            }, most: 1000)
    }

    private static var command: SettingForm<[String]> {
        SettingForm(noting: { node, notes throws(SettingsError) in
            guard let words = try list(of: .text, most: 256).value(of: node, &notes), let program = words.first,
                program.hasPrefix("/")
            else { throw node.wrong("it is a list: an absolute path, and arguments") }
            return words
        })
    }

    private static var seconds: SettingForm<Int> {
        SettingForm { node throws(SettingsError) in
            guard let seconds = DurationText.seconds(try node.text, unit: 1), (1...86_400).contains(seconds) else {
                throw node.wrong("it is a duration such as 90s, 10m or 2h")
            }
            return seconds
        }
    }

    private static var statuses: SettingForm<[Int]> { list(of: .count(1...255), most: 255) }

    private static var size: SettingForm<Int64> {
        SettingForm { node throws(SettingsError) in
            guard let bytes = ByteText.bytes(try node.text), bytes >= 0 else {
                throw node.wrong("it is a size such as 500MiB or 2GB")
            }
            return bytes
        }
    }

    /// Nil without `dir`: the object `cache` may also have keys of the registry's agent.
    private static var cache: SettingForm<CacheSettings> {
        let form = SettingForm.object(caching, from: CacheSettings())
        return SettingForm(noting: { node, notes throws(SettingsError) in
            guard let cache = try form.value(of: node, &notes), !cache.directory.isEmpty else { return nil }
            return cache
        })
    }

    private static var hooks: SettingForm<[String: HookSettings]> {
        SettingForm(noting: { node, notes throws(SettingsError) in
            guard let object = node.value.objectValue else {
                throw node.wrong("it is \(node.value.kind) and should be an object: NAME: {run: [...]}")
            }
            var hooks: [String: HookSettings] = [:]
            for member in object.members.prefix(1000) {
                let inner = SettingNode(value: member.value, path: node.path.member(member.key))
                guard LabelKey.isValid(member.key), !member.key.contains("/") else {
                    throw inner.wrong("a hook's name is 1 to 63 letters, digits and ._-")
                }
                hooks[member.key] = try SettingForm.object(hook, from: HookSettings()).value(of: inner, &notes)
            }
            return hooks
        })
    }

    private static var stores: SettingForm<[String: StoreSettings]> {
        SettingForm(noting: { node, notes throws(SettingsError) in
            guard let object = node.value.objectValue else {
                throw node.wrong("it is \(node.value.kind) and should be an object: BUCKET: {endpoint, access_key, …}")
            }
            var stores: [String: StoreSettings] = [:]
            for member in object.members.prefix(1000) {
                let inner = SettingNode(value: member.value, path: node.path.member(member.key))
                let settings = try SettingForm.object(store, from: StoreSettings()).value(of: inner, &notes)
                guard let settings, (settings.accessKey == nil) == (settings.secretKey == nil) else {
                    throw inner.wrong("'access_key' and 'secret_key' are a pair")
                }
                guard settings.accessKey == nil || settings.endpoint != nil else {
                    throw inner.wrong("keys need an 'endpoint': they are used there and nowhere else")
                }
                stores[member.key] = settings
            }
            return stores
        })
    }

    private static var host: SettingForm<Labels> {
        SettingForm { node throws(SettingsError) in
            guard let object = node.value.objectValue else { throw node.wrong("it is an object: {labels: {...}}") }
            guard let labels = object["labels"] else { return Labels() }
            guard let members = labels.objectValue else { throw node.wrong("labels are an object: {key: value}") }
            var result = Labels()
            for member in members.members {
                guard let value = member.value.lenientText else {
                    throw node.wrong("the label '\(DisplayName.escape(member.key))' is \(member.value.kind)")
                }
                do throws(LabelProblem) { try result.set(member.key, value) } catch {
                    throw node.wrong(error.description)
                }
            }
            return result
        }
    }

    /// One element, or a list of them.
    private static func list<Element>(of form: SettingForm<Element>, most: Int) -> SettingForm<[Element]> {
        SettingForm(noting: { node, notes throws(SettingsError) in
            guard let elements = node.value.arrayValue else {
                return try form.value(of: node, &notes).map { [$0] } ?? []
            }
            guard elements.count <= most else { throw node.wrong("it has more than \(most) elements") }
            var values: [Element] = []
            for (index, element) in elements.enumerated() {
                let inner = SettingNode(value: element, path: node.path.element(index))
                if let value = try form.value(of: inner, &notes) { values.append(value) }
            }
            return values
        })
    }
}

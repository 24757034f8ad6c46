import JSON
import Policy
import Settings
import Text

/// The keys of a class's `sources`.
package enum SourceSettings {
    package static let table = SettingsTable<FleetSources>([
        Setting(
            "shares", shares, optional: \.shares, .value("1:0:0"),
            "of peers, bucket and CDN, such as `2:1:1`; one with 0 stands in for one that fails"),
        Setting("bucket", bucket, optional: \.bucket, .words("none"), "an object store that has the content"),
        Setting("cdn", cdn, optional: \.cdn, .words("none"), "a web server that has it"),
        Setting(
            "rebalance", .choice, \.rebalance, .value("none"),
            "`idle`: what has finished its share takes over files of what is slower"),
    ])

    package static let bucketTable = SettingsTable<BucketTerms>([
        Setting("url", place("obs://", "s3://"), \.url, .words("none"), "`obs://BUCKET/PREFIX`, below it NAME"),
        Setting("endpoint", .text, optional: \.endpoint, .words("of the agents' files"), "host or URL of the store"),
        Setting(
            "region", .text, optional: \.region, .words("by the endpoint"), "the region that requests are signed for"),
        Setting("style", .choice, optional: \.style, .words("by the endpoint"), "`path` or `virtual`"),
        Setting("signature", .choice, \.signature, .value("v4"), "`v4` or `v2`"),
        Setting("window", window, \.window, .words("always"), "hours of each day, such as `22:00-06:00`"),
        Setting("limit", ClassSettings.rate, optional: \.limit, .words("none"), "bytes a second of a target"),
        Setting("payable", .flag, \.isPayable, .value("false"), "may bring more than its share (`rebalance`)"),
        Setting("upload", .flag, \.uploads, .value("true"), "the sender puts the content there, if it has keys"),
        Setting("presign", .flag, \.presigns, .value("true"), "the sender signs URLs for targets without keys"),
    ])

    package static let cdnTable = SettingsTable<CDNTerms>([
        Setting("url", place("http://", "https://"), \.url, .words("none"), "below it NAME, and the files' paths"),
        Setting("window", window, \.window, .words("always"), "hours of each day, such as `22:00-06:00`"),
        Setting("limit", ClassSettings.rate, optional: \.limit, .words("none"), "bytes a second of a target"),
        Setting("payable", .flag, \.isPayable, .value("false"), "may bring more than its share (`rebalance`)"),
    ])

    /// All keys, for the documents.
    package static var markdown: String {
        table.markdown + "\n`sources.bucket`:\n\n\(bucketTable.markdown)\n`sources.cdn`:\n\n\(cdnTable.markdown)"
    }

    /// One object, or a list of objects whose members count together.
    static var form: SettingForm<FleetSources> {
        let form = SettingForm.object(table, from: FleetSources())
        return SettingForm(noting: { node, notes throws(SettingsError) in
            var node = node
            if let list = node.value.arrayValue {
                var all = JSONObject()
                for (index, element) in list.enumerated() {
                    let inner = SettingNode(value: element, path: node.path.element(index))
                    guard let object = element.objectValue else {
                        throw inner.wrong("it is \(element.kind) and should be an object: shares, bucket or cdn")
                    }
                    for member in object.members {
                        guard all[member.key] == nil else {
                            throw inner.member(member.key).wrong("it was there before")
                        }
                        all[member.key] = member.value
                    }
                }
                node = SettingNode(value: .object(all), path: node.path)
            }
            try refuseKeys(in: node)
            let sources = try form.value(of: node, &notes) ?? FleetSources()
            if let shares = sources.shares {
                guard shares.obs == 0 || sources.bucket != nil else {
                    throw node.member("shares").wrong("the bucket has a share, and there is no 'bucket'")
                }
                guard shares.cdn == 0 || sources.cdn != nil else {
                    throw node.member("shares").wrong("the CDN has a share, and there is no 'cdn'")
                }
            }
            return sources
        })
    }

    private static let keyNames: Set<String> = [
        "ak", "sk", "key", "keys", "access_key", "secret_key", "accesskey", "secretkey", "secret", "password", "token",
    ]

    /// Control keeps classes and shows them: no key may stand in one.
    private static func refuseKeys(in node: SettingNode) throws(SettingsError) {
        for name in ["bucket", "cdn"] {
            let inner = node.member(name)
            for member in inner.value.objectValue?.members ?? [] where keyNames.contains(member.key.lowercased()) {
                throw inner.member(member.key).wrong("keys stand in the agents' own files ('stores'), never in a class")
            }
        }
    }

    private static var bucket: SettingForm<BucketTerms> {
        named(.object(bucketTable, from: BucketTerms()), "it needs a 'url': obs://BUCKET/PREFIX") { $0.url }
    }

    private static var cdn: SettingForm<CDNTerms> {
        named(.object(cdnTable, from: CDNTerms()), "it needs a 'url'") { $0.url }
    }

    private static func named<Value: Sendable>(
        _ form: SettingForm<Value>, _ reason: String, _ url: @escaping @Sendable (Value) -> String
    ) -> SettingForm<Value> {
        SettingForm(noting: { node, notes throws(SettingsError) in
            guard let value = try form.value(of: node, &notes), !url(value).isEmpty else { throw node.wrong(reason) }
            return value
        })
    }

    private static func place(_ schemes: String...) -> SettingForm<String> {
        SettingForm { node throws(SettingsError) in
            let text = try node.text
            guard text.utf8.count <= 1024, schemes.contains(where: text.hasPrefix), !text.contains("@"),
                text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f })
            else {
                throw node.wrong("it begins with \(schemes.joined(separator: " or ")), and has no user name or blank")
            }
            return text
        }
    }

    private static var shares: SettingForm<Shares> {
        SettingForm { node throws(SettingsError) in
            guard let shares = Shares(try node.text) else {
                throw node.wrong("it is three parts such as 2:1:1, not all of them 0")
            }
            return shares
        }
    }

    private static var window: SettingForm<QuietWindow> {
        SettingForm { node throws(SettingsError) in
            do throws(QuietWindowError) { return try QuietWindow.parse(node.windowText) } catch {
                throw node.wrong(error.description)
            }
        }
    }
}

extension SettingNode {
    /// The text of a window. A value that is not text becomes an empty one, which the parser of windows refuses.
    fileprivate var windowText: String { value.lenientText ?? "" }
}

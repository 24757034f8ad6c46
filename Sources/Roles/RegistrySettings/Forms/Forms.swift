import Address
import JSON
import Registry
import Settings
import Text

// Parsers (forms) for the values that occur only in a registry's configuration.

extension SettingForm where Value == Double {
    /// A duration such as `30s`.
    /// - Parameter range: the accepted values, in seconds.
    static func duration(_ range: ClosedRange<Double> = 0...GoDuration.longest) -> SettingForm {
        SettingForm { node throws(SettingsError) in
            guard let seconds = GoDuration.seconds(try node.text) else {
                throw node.wrong("it is a duration such as 30s, 5m, 24h or 7d")
            }
            guard range.contains(seconds) else {
                throw node.wrong("it is a duration from \(shown(range.lowerBound)) to \(shown(range.upperBound))")
            }
            return seconds
        }
    }

    private static func shown(_ seconds: Double) -> String {
        for (factor, unit) in [(86_400.0, "d"), (3_600, "h"), (60, "m"), (1, "s")] where seconds >= factor {
            if (seconds / factor).rounded() == seconds / factor { return "\(Int(seconds / factor))\(unit)" }
        }
        return seconds == 0 ? "0" : "\(Int(seconds * 1_000))ms"
    }

    /// A number, with or without a fraction.
    static func number(_ range: ClosedRange<Double>) -> SettingForm {
        SettingForm { node throws(SettingsError) in
            guard let number = Double(try node.text), range.contains(number) else {
                throw node.wrong("it is a number from \(Int(range.lowerBound)) to \(Int(range.upperBound))")
            }
            return number
        }
    }
}

extension SettingForm where Value == Int64 {
    static func size(_ range: ClosedRange<Int64> = 0...Int64.max) -> SettingForm {
        SettingForm { node throws(SettingsError) in
            guard let bytes = DataSize.bytes(try node.text), range.contains(bytes) else {
                throw node.wrong("it is a size such as 4MB, which is 4 MiB, or a number of bytes")
            }
            return bytes
        }
    }
}

extension SettingForm where Value == SizeOrShare {
    static var sizeOrShare: SettingForm {
        SettingForm { node throws(SettingsError) in
            guard let size = SizeOrShare(try node.text) else {
                throw node.wrong("it is a size such as 100GB, or a share of the disk such as 50%")
            }
            return size
        }
    }
}

extension SettingForm where Value == Bool {
    /// A YAML flag: true or false, yes or no, on or off.
    static var yamlFlag: SettingForm {
        SettingForm { node throws(SettingsError) in
            if let flag = node.value.lenientFlag { return flag }
            switch node.value.stringValue?.lowercased() {
            case "yes", "on": return true
            case "no", "off": return false
            default: throw node.wrong("it is true or false")
            }
        }
    }
}

extension SettingForm where Value == String {
    /// A regular expression that must match a whole text.
    static var pattern: SettingForm {
        SettingForm { node throws(SettingsError) in
            let text = try node.text
            do { _ = try NamePatterns([text]) } catch { throw node.wrong("it is no regular expression") }
            return text
        }
    }

    /// An absolute path. An empty text counts as no value.
    static var path: SettingForm {
        SettingForm { node throws(SettingsError) in
            let text = try node.text
            guard !text.isEmpty else { return nil }
            guard text.hasPrefix("/") else { throw node.wrong("it is a path that begins with '/'") }
            let bare = text.utf8.count > 1 && text.hasSuffix("/") ? String(text.dropLast()) : text
            return bare
        }
    }

    /// The address of this machine to listen on, without a port.
    static var listenHost: SettingForm {
        SettingForm { node throws(SettingsError) in
            let text = try node.text
            guard !text.isEmpty else { return nil }
            guard text == "localhost" || PeerAddress(host: text, port: 1) != nil else {
                throw node.wrong("it is an address of this machine in numbers, such as 192.0.2.7 or '::'")
            }
            return text
        }
    }
}

extension SettingForm where Value == AddressRange {
    static var range: SettingForm {
        SettingForm { node throws(SettingsError) in
            guard let range = AddressRange(try node.text) else {
                throw node.wrong("it is an address or a range of them, such as 127.0.0.1 or 10.0.0.0/8")
            }
            return range
        }
    }
}

extension SettingForm where Value: Sendable {
    /// An object whose keys the user chooses, such as host names.
    static func keyed<Element: Sendable>(
        _ form: SettingForm<Element>
    ) -> SettingForm where Value == [Keyed<Element>] {
        SettingForm(noting: { node, notes throws(SettingsError) in
            guard let object = node.value.objectValue else {
                throw node.wrong("it is \(node.value.kind) and should be keys with values")
            }
            var values: [Keyed<Element>] = []
            for member in object.members where !member.value.isNull {
                if let value = try form.value(of: node.member(member.key), &notes) {
                    values.append(Keyed(key: member.key, value: value))
                }
            }
            return values
        })
    }
}

/// A value and its key, which the user chose.
package struct Keyed<Value: Sendable>: Sendable {
    package let key: String
    package let value: Value

    package init(key: String, value: Value) {
        self.key = key
        self.value = value
    }
}

extension Keyed: Equatable where Value: Equatable {}

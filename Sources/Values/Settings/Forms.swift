import Address
import JSON
import Text

// The forms that values of every configuration have. Numbers and flags may stand in quotes, as deployed files have them.

extension SettingForm where Value == String {
    /// A string, or a number as the text that it is written with; empty too.
    package static var text: SettingForm {
        SettingForm { node throws(SettingsError) in try node.text }
    }

    /// A URL without a slash at its end; an empty one is none.
    /// - Parameter schemes: those that it may have, as `http`.
    package static func url(_ schemes: String...) -> SettingForm {
        SettingForm { node throws(SettingsError) in
            let text = try node.text
            guard !text.isEmpty else { return nil }
            try node.refuseTrailingSlash(text)
            let isKnown = schemes.contains {
                text.utf8.starts(with: "\($0)://".utf8) && text.utf8.count > $0.utf8.count + 3
            }
            guard isKnown, text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else {
                throw node.wrong(
                    "it is a URL that begins with \(schemes.map { $0 + "://" }.joined(separator: " or "))")
            }
            return text
        }
    }
}

extension SettingForm where Value == Secret {
    /// A text that nobody is shown; an empty one is none.
    package static var secret: SettingForm {
        SettingForm { node throws(SettingsError) in
            let text = try node.text
            return text.isEmpty ? nil : Secret(text)
        }
    }
}

extension SettingForm where Value == Bool {
    package static var flag: SettingForm {
        SettingForm { node throws(SettingsError) in
            guard let flag = node.value.lenientFlag else { throw node.wrong("it is true or false") }
            return flag
        }
    }
}

extension SettingForm where Value == Int {
    package static func count(_ range: ClosedRange<Int>) -> SettingForm {
        SettingForm { node throws(SettingsError) in
            guard let number = node.value.lenientInteger.flatMap({ Int(exactly: $0) }), range.contains(number) else {
                throw node.wrong("it is a number from \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
    }
}

extension SettingForm where Value == ListenAddress {
    /// An empty text is none.
    package static var address: SettingForm {
        SettingForm { node throws(SettingsError) in
            let text = try node.text
            guard !text.isEmpty else { return nil }
            guard let address = ListenAddress(text) else {
                throw node.wrong("it is an address and port such as 127.0.0.1:8191")
            }
            return address
        }
    }
}

extension SettingForm where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// One of the names of a type's cases; an empty text is none.
    package static var choice: SettingForm {
        SettingForm { node throws(SettingsError) in
            let text = try node.text
            guard !text.isEmpty else { return nil }
            guard let choice = Value(rawValue: text) else {
                let choices = Value.allCases.map(\.rawValue).joined(separator: " or ")
                throw node.wrong("it is '\(DisplayName.escape(text))' and should be \(choices)")
            }
            return choice
        }
    }
}

extension SettingForm {
    /// An object with keys of its own.
    /// - Parameter root: with every default.
    package static func object(_ table: SettingsTable<Value>, from root: Value) -> SettingForm {
        SettingForm(noting: { node, notes throws(SettingsError) in
            guard let object = node.value.objectValue else {
                throw node.wrong("it is \(node.value.kind) and should be an object")
            }
            var root = root
            try table.read(object, at: node.path, &root, &notes)
            return root
        })
    }

    /// A list; elements that are null, or as good as none, are left out.
    package static func list<Element>(of form: SettingForm<Element>) -> SettingForm where Value == [Element] {
        SettingForm(noting: { node, notes throws(SettingsError) in
            guard let elements = node.value.arrayValue else {
                throw node.wrong("it is \(node.value.kind) and should be a list")
            }
            var values: [Element] = []
            for (index, element) in elements.enumerated() where !element.isNull {
                let inner = SettingNode(value: element, path: node.path.element(index))
                if let value = try form.value(of: inner, &notes) { values.append(value) }
            }
            return values
        })
    }
}

extension SettingNode {
    /// A string, or a number as the text that it is written with.
    package var text: String {
        get throws(SettingsError) {
            guard let text = value.lenientText else { throw wrong("it is \(value.kind) and should be a string") }
            guard !text.utf8.contains(0) else { throw wrong("it has a NUL in it") }
            return text
        }
    }

    package func refuseTrailingSlash(_ text: String) throws(SettingsError) {
        guard text.utf8.last == UInt8(ascii: "/") else { return }
        throw wrong("it ends in a '/'; paths and URLs are written without a trailing slash")
    }
}

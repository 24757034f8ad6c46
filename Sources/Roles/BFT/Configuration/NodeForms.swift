import JSON
import Metainfo
import Policy
import Settings
import Text

// The forms that values of the node's configuration have beside those of every configuration.

extension SettingForm where Value == String {
    /// A text without a slash at its end; empty too.
    static var textWithoutSlash: SettingForm {
        SettingForm { node throws(SettingsError) in
            let text = try node.text
            try node.refuseTrailingSlash(text)
            return text
        }
    }

    /// An absolute path; an empty text is none.
    static var path: SettingForm {
        SettingForm { node throws(SettingsError) in
            let text = try node.text
            return text.isEmpty ? nil : try node.path(text)
        }
    }
}

extension SettingForm where Value == [String] {
    /// Absolute paths, as a list, in one text with commas between them, or both. None at all is as good as no list.
    static var paths: SettingForm {
        SettingForm { node throws(SettingsError) in
            var paths: [String] = []
            for element in node.value.arrayValue ?? [node.value] {
                guard let text = element.stringValue else { throw node.wrong("it is a list of directories") }
                for part in text.split(separator: ",").map({ String($0).trimmingBlanks }) where !part.isEmpty {
                    paths.append(try node.path(part))
                }
            }
            return paths.isEmpty ? nil : paths
        }
    }
}

extension SettingForm where Value == TaskSubdirectory {
    static var subdirectory: SettingForm {
        SettingForm(noting: { node, notes throws(SettingsError) in
            let text = try node.text
            guard !text.isEmpty else { return nil }
            try node.refuseTrailingSlash(text)
            let subdirectory: TaskSubdirectory
            do throws(PathProblem) { subdirectory = try TaskSubdirectory(text) } catch {
                throw node.wrong(error.description)
            }
            if let warning = subdirectory.warning { notes.append(node.note(": \(warning)")) }
            return subdirectory
        })
    }
}

extension SettingForm where Value == Shares {
    static var shares: SettingForm {
        SettingForm { node throws(SettingsError) in
            guard let shares = Shares(try node.text) else {
                throw node.wrong("it is three parts such as 2:1:1, not all of them 0")
            }
            return shares
        }
    }
}

extension SettingForm where Value == QuietWindow {
    static var window: SettingForm {
        SettingForm { node throws(SettingsError) in
            let text = try node.text
            guard !text.isEmpty else { return nil }
            do throws(QuietWindowError) { return try QuietWindow.parse(text) } catch {
                throw node.wrong(error.description)
            }
        }
    }
}

extension SettingForm where Value == SeedTime {
    static var seedTime: SettingForm {
        SettingForm { node throws(SettingsError) in
            guard let time = SeedTime(try node.text) else {
                throw node.wrong("it is hours, or a time such as 90s, 30m or 72h")
            }
            return time
        }
    }
}

extension SettingForm where Value == Int {
    /// Seconds.
    static var duration: SettingForm {
        SettingForm { node throws(SettingsError) in
            guard let seconds = DurationText.seconds(try node.text, unit: 1), seconds > 0 else {
                throw node.wrong("it is a time above 0 such as 90s or 10m")
            }
            return seconds
        }
    }

    /// Bytes a second: a number, or one with `K`, `M` or `G` (of 1,024). Empty and 0 mean no limit.
    static var rate: SettingForm {
        SettingForm { node throws(SettingsError) in
            let text = try node.text.trimmingBlanks
            guard !text.isEmpty else { return nil }
            let factors: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
            let factor = text.last.flatMap { factors[Character($0.uppercased())] }
            let digits = factor == nil ? Substring(text) : text.dropLast()
            guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(digits) else {
                throw node.wrong("it is bytes a second such as 500K or 20M")
            }
            let (rate, overflow) = number.multipliedReportingOverflow(by: factor ?? 1)
            guard !overflow else { throw node.wrong("it is too big") }
            return rate == 0 ? nil : rate
        }
    }
}

extension SettingNode {
    fileprivate func path(_ text: String) throws(SettingsError) -> String {
        try refuseTrailingSlash(text)
        guard NodePaths.isCleanAbsolute(text) else {
            throw wrong("it is not an absolute path without '.', '..' and empty parts")
        }
        return text
    }
}

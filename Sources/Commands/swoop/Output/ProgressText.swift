/// Formats ``Progress`` as text. Pure: width and abilities of the terminal are arguments.
enum ProgressText {
    /// The style of a bar.
    struct Style: Sendable, Equatable {
        var color = true
        var unicode = true
    }

    /// One line for logs and pipes.
    static func line(_ progress: Progress, label: String? = nil) -> String {
        (label.map { ["\($0):"] } ?? []).joined() + (label == nil ? "" : " ")
            + ([progress.phase] + parts(progress)).joined(separator: "  ")
    }

    private static let shortestBar = 10
    /// Percentage, bytes, rate and time left: what is kept beside a short bar.
    private static let mostNeeded = 4

    /// One line of at most `width` columns, for redrawing in place: label, bar, figures. If space is short, the figures are
    /// fewer; if it is shorter than for those, parts are left out from the right: the bar first, the percentage last.
    static func bar(_ progress: Progress, label: String, width: Int, style: Style) -> String {
        let width = max(1, width)
        var figures = parts(progress, padded: true)
        if progress.total == 0 { figures.insert(progress.phase, at: 0) }
        let room = width - min(label.columns, 8) - 1 - shortestBar - 1
        if progress.total > 0, figuresWidth(figures) > room {
            var few = parts(progress, padded: true, isBrief: true)
            while few.count > mostNeeded, figuresWidth(few) > room { few.removeLast() }
            if figuresWidth(few) <= room { figures = few }
        }
        while figures.count > 1, figuresWidth(figures) > width { figures.removeLast() }
        let tail = figures.joined(separator: "  ")
        let space = width - tail.count - 2
        let labelWidth = min(max(0, space), label.columns, max(8, width / 4))
        let head = labelWidth >= 4 ? label.fitted(to: labelWidth) : ""
        let barWidth = min(40, width - tail.count - 2 - (head.isEmpty ? 0 : labelWidth + 1))
        let pieces = [head, barWidth >= 6 && progress.total > 0 ? drawn(progress, barWidth, style) : "", tail]
        return pieces.filter { !$0.isEmpty }.joined(separator: " ")
    }

    private static func figuresWidth(_ figures: [String]) -> Int {
        figures.reduce(0) { $0 + $1.count } + 2 * (figures.count - 1)
    }

    /// - Parameters:
    ///   - padded: use a fixed width for numbers, so that redrawn text does not jump.
    ///   - isBrief: without what can be done without on a narrow terminal.
    private static func parts(_ progress: Progress, padded: Bool = false, isBrief: Bool = false) -> [String] {
        func field(_ text: String, _ width: Int) -> String {
            padded ? String(repeating: " ", count: max(0, width - text.count)) + text : text
        }
        var parts: [String] = []
        if progress.total > 0 {
            parts.append(field(HumanText.percent(progress.done, of: progress.total), 7))
            let total = isBrief ? "" : " of \(HumanText.bytes(progress.total))"
            parts.append(field(HumanText.bytes(progress.done), 8) + total)
        }
        guard progress.isTransfer else { return parts + ending(progress) }
        if progress.origins != nil { return parts + registryParts(progress, field) }
        if padded || progress.down > 0 || progress.done < progress.total {
            parts.append("down \(field(HumanText.rate(progress.down), 9))")
        }
        if progress.knowsPeers, !isBrief, padded || progress.up > 0 || progress.done >= progress.total {
            parts.append("up \(field(HumanText.rate(progress.up), 9))")
        }
        parts += padded ? [field(ending(progress).first ?? "", 11)] : ending(progress)
        if progress.knowsPeers { parts.append(HumanText.plural(progress.peers, "peer")) }
        if progress.webSources > 0 { parts.append(HumanText.plural(progress.webSources, "web source")) }
        if let said = progress.efficiency?.short, padded || progress.done >= progress.total { parts.append(said) }
        return parts
    }

    /// The parts of a push or pull.
    private static func registryParts(_ progress: Progress, _ field: (String, Int) -> String) -> [String] {
        let rate = progress.isUpload ? progress.up : progress.down
        var parts = [field(HumanText.rate(rate), 9), field(ending(progress).first ?? "", 11)]
        if let files = progress.files, files.all > 1 { parts.append("\(files.done) of \(files.all) files") }
        if progress.knowsPeers { parts.append(HumanText.plural(progress.peers, "peer")) }
        if let origins = progress.origins, progress.knowsPeers { parts.append(HumanText.plural(origins, "origin")) }
        if progress.cached > 0 { parts.append("\(HumanText.bytes(progress.cached)) (cached)") }
        return parts.filter { !$0.isEmpty }
    }

    private static func ending(_ progress: Progress) -> [String] {
        progress.done < progress.total ? progress.eta.map { ["ETA \(HumanText.time($0))"] } ?? [] : []
    }

    private static func drawn(_ progress: Progress, _ width: Int, _ style: Style) -> String {
        let inside = width - 2
        let share = Double(max(0, min(progress.done, progress.total))) / Double(max(1, progress.total))
        let full = progress.done >= progress.total ? inside : min(inside - 1, Int(share * Double(inside)))
        let (on, off) = style.unicode ? ("█", "░") : ("#", "-")
        let filled = String(repeating: on, count: full)
        let empty = String(repeating: off, count: inside - full)
        return style.color
            ? "▕\u{1B}[32m\(filled)\u{1B}[2;39m\(empty)\u{1B}[0m▏"
            : style.unicode ? "▕\(filled)\(empty)▏" : "[\(filled)\(empty)]"
    }
}

extension String {
    /// Approximate number of terminal columns: East Asian wide characters take two, combining marks none.
    var columns: Int { reduce(0) { $0 + $1.columns } }

    /// Exactly `width` columns: padded, or shortened with an ellipsis.
    func fitted(to width: Int) -> String {
        if columns <= width { return self + String(repeating: " ", count: width - columns) }
        guard width > 0 else { return "" }
        var text = ""
        var used = 0
        for character in self {
            guard used + character.columns <= width - 1 else { break }
            text.append(character)
            used += character.columns
        }
        return text + "…" + String(repeating: " ", count: width - 1 - used)
    }
}

extension Character {
    var columns: Int {
        guard let scalar = unicodeScalars.first?.value else { return 0 }
        switch scalar {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
            0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1F9FF,
            0x20000...0x3FFFD:
            return 2
        case 0x300...0x36F: return 0
        default: return 1
        }
    }
}

import SwarmCore

/// The name of a site, as sent to other hosts.
enum SiteName {
    static func parse(_ text: String) throws -> String {
        guard (1...Site.longestName).contains(text.utf8.count),
            text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
        else {
            throw ArgumentProblem("a name of 1 to \(Site.longestName) bytes is expected, without control characters")
        }
        return text
    }
}

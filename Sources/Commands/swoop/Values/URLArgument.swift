import ArgumentParser
import Metainfo

/// URLs as arguments, checked by the same rule as URLs in torrents. The error gives the reason and shows no password.
enum URLArgument {
    static func tracker(_ text: String) throws -> String {
        do throws(AddressProblem) { return try TrackerAddress(text).text } catch {
            throw refusal(text, of: "--tracker", error)
        }
    }

    static func webSeed(_ text: String) throws -> String {
        do throws(AddressProblem) { return try WebSeedAddress(text).text } catch {
            throw refusal(text, of: "--web-seed", error)
        }
    }

    /// Whether a text is meant as a URL, valid or not, rather than as the path of a file.
    static func isMeant(by text: String) -> Bool {
        let scheme = text.utf8.drop { $0 <= 0x20 }.prefix {
            $0 | 0x20 >= UInt8(ascii: "a") && $0 | 0x20 <= UInt8(ascii: "z") || "0123456789+-.".utf8.contains($0)
        }
        return !scheme.isEmpty && text.utf8[scheme.endIndex...].starts(with: "://".utf8)
    }

    private static func refusal(_ text: String, of option: String, _ problem: AddressProblem) -> ValidationError {
        ValidationError("The value '\(Redaction.url(text).shown)' is invalid for '\(option)': \(problem)")
    }
}

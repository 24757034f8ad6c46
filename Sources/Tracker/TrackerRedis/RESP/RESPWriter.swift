/// Writes commands for Redis (RESP2: an array of strings) one after the other into a buffer that is reused.
package struct RESPWriter {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package var isEmpty: Bool { bytes.isEmpty }

    /// Begins a command of `count` words; as many calls of ``word(_:)`` must follow.
    package mutating func command(_ count: Int) {
        bytes.append(0x2a)
        append(decimal: count)
        end()
    }

    package mutating func word(_ text: StaticString) {
        text.withUTF8Buffer { word(UnsafeRawBufferPointer($0)) }
    }

    package mutating func word(_ word: [UInt8]) { word.withUnsafeBytes { self.word($0) } }

    package mutating func word(_ word: UnsafeRawBufferPointer) {
        bytes.append(0x24)
        append(decimal: word.count)
        end()
        bytes.append(contentsOf: word)
        end()
    }

    /// A word that is a number of 0 or more.
    package mutating func word(decimal number: Int) {
        bytes.append(0x24)
        append(decimal: Self.digits(number))
        end()
        append(decimal: number)
        end()
    }

    /// Drops the first bytes, which were sent.
    package mutating func drop(_ count: Int) {
        if count >= bytes.count {
            bytes.removeAll(keepingCapacity: bytes.capacity <= 1 << 20)
        } else {
            bytes.removeFirst(count)
        }
    }

    private mutating func end() {
        bytes.append(0x0d)
        bytes.append(0x0a)
    }

    private static func digits(_ number: Int) -> Int {
        var (count, rest) = (1, max(0, number) / 10)
        while rest > 0 { (count, rest) = (count + 1, rest / 10) }
        return count
    }

    private mutating func append(decimal number: Int) {
        let number = max(0, number)
        let first = bytes.count
        let count = Self.digits(number)
        bytes.append(contentsOf: repeatElement(0x30, count: count))
        var rest = number
        for place in stride(from: first + count - 1, through: first, by: -1) {
            bytes[place] = 0x30 + UInt8(rest % 10)
            rest /= 10
        }
    }
}

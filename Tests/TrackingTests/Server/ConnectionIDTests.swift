import Testing
import Text
import Tracking

@Suite struct ConnectionIDTests {
    private let ids = ConnectionIDs(hash: SipHash(key0: 1, key1: 2))

    @Test func `sip hash gives the reference values`() {
        // Key 00..0f over 00..17 and 00..07, from an implementation that gives the paper's value for 00..0e.
        let sip = SipHash(key0: 0x0706_0504_0302_0100, key1: 0x0f0e_0d0c_0b0a_0908)
        let words: [UInt64] = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908, 0x1716_1514_1312_1110]
        #expect(sip.mac(words[0], words[1], words[2]) == 0xb8ad_50c6_f649_af94)
        #expect(sip.hash(words[0], words[1], words[2]) == 0xf464_aeb2_6734_9c8c)
        #expect(sip.hash(words[0]) == 0x3690_9511_8d29_9a8e)
    }

    @Test func `an ID is good for two minutes and not for three`() {
        for start: UInt64 in [0, 29, 30, 10_000, 7679, 7680, 1 << 40] {
            let id = ids.issue(high: 0, low: 5, now: start)
            #expect(ids.accepts(id, high: 0, low: 5, now: start))
            #expect(ids.accepts(id, high: 0, low: 5, now: start + 120))
            #expect(!ids.accepts(id, high: 0, low: 5, now: start + 150))
            // A day later the window's low byte may be the same again.
            #expect(!ids.accepts(id, high: 0, low: 5, now: start + 256 * 30))
        }
    }

    @Test func `an ID is good for its address only`() {
        let id = ids.issue(high: 0, low: 5, now: 1000)
        #expect(!ids.accepts(id, high: 0, low: 6, now: 1000))
        #expect(!ids.accepts(id, high: 1, low: 5, now: 1000))
    }

    @Test func `no other bit pattern is taken`() {
        let id = ids.issue(high: 0, low: 5, now: 1000)
        for bit in 0..<64 { #expect(!ids.accepts(id ^ 1 << UInt64(bit), high: 0, low: 5, now: 1000)) }
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<10_000 { #expect(!ids.accepts(generator.next(), high: 0, low: 5, now: 1000)) }
    }

    @Test func `another process has another key`() {
        let id = ConnectionIDs().issue(high: 0, low: 5, now: 1000)
        #expect(!ConnectionIDs().accepts(id, high: 0, low: 5, now: 1000))
    }
}

/// What one announce does in the store: a script, so that it is one round trip, and atomic. Members of the sorted sets are compact
/// addresses, their scores the second at which each ends, by the store's own clock, because trackers' clocks differ.
///
/// The keys of a swarm share a hash tag (the braces), so that a cluster of stores keeps them together.
enum AnnounceScript {
    /// KEYS: whole, part, blob. ARGV: address, standing, lifetime, peers wanted, whether seeds are wanted, the time (0: the store's
    /// clock), the blob, and addresses to forget. Reply: number of whole peers, of others, the blob, some of the whole, some of the
    /// others.
    static let text: StaticString = """
        local whole, part = KEYS[1], KEYS[2]
        local address, standing, life, limit = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
        local now = tonumber(ARGV[6])
        if now == 0 then now = tonumber(redis.call('TIME')[1]) end
        redis.call('ZREMRANGEBYSCORE', whole, '-inf', now)
        redis.call('ZREMRANGEBYSCORE', part, '-inf', now)
        for i = 8, #ARGV do
          redis.call('ZREM', whole, ARGV[i])
          redis.call('ZREM', part, ARGV[i])
        end
        local function keep(key)
          if redis.call('TTL', key) < life then redis.call('EXPIRE', key, life) end
        end
        if standing == 'whole' then
          redis.call('ZREM', part, address)
          redis.call('ZADD', whole, now + life, address)
          keep(whole)
        elseif standing == 'part' then
          redis.call('ZREM', whole, address)
          redis.call('ZADD', part, now + life, address)
          keep(part)
        elseif standing == 'gone' then
          redis.call('ZREM', whole, address)
          redis.call('ZREM', part, address)
        end
        local blob = ARGV[7]
        if blob ~= '' then
          redis.call('SET', KEYS[3], blob, 'EX', life)
        elseif limit > 0 then
          blob = redis.call('GET', KEYS[3])
        end
        local seeds, others = redis.call('ZCARD', whole), redis.call('ZCARD', part)
        local someSeeds, someOthers = {}, {}
        if limit > 0 then
          local few = math.floor(limit / 2)
          local wanted = ARGV[5] == '1' and math.min(seeds, math.max(few, limit - others)) or 0
          if wanted > 0 then someSeeds = redis.call('ZRANDMEMBER', whole, wanted) end
          wanted = math.min(others, limit - wanted)
          if wanted > 0 then someOthers = redis.call('ZRANDMEMBER', part, wanted) end
        end
        return {seeds, others, blob, someSeeds, someOthers}
        """
}

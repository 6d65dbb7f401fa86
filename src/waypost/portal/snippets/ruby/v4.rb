# frozen_string_literal: true

# Verifies a webhook by TrackingMore's V4 signature. It covers the time only: the standard one covers the body too.
# Rails: the raw body is request.raw_post; headers are
# %w[timestamp signature].to_h { |name| [name, request.headers[name]] }. Ruby 3.0 or later.

require "openssl"

# Returns nil if the webhook is genuine and recent; raises a RuntimeError if not.
def verify(_body, headers, secret)
  raise "The secret is empty." if secret.empty?

  timestamp, signature = %w[timestamp signature].map do |name|
    value = headers[name].to_s.b # bytes: text that is not valid in its encoding would raise later
    raise "The header #{name} is missing." if value.empty?

    value
  end
  raise "The timestamp is not a number of seconds." unless timestamp.match?(/\A[0-9]{1,12}\z/)
  raise "The timestamp is more than 300 seconds off." if (Time.now.to_i - timestamp.to_i).abs > 300

  expected = OpenSSL::HMAC.hexdigest("SHA256", secret, timestamp)
  raise "The signature does not match." unless OpenSSL.secure_compare(expected, signature)
end

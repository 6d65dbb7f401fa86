# frozen_string_literal: true

# Verifies a webhook by TrackingMore's V2 signature. It covers the time only: the standard one covers the body too.
# Rails: the raw body is request.raw_post. V2 signs inside the body; headers is not used: pass {}.
# Ruby 3.0 or later.

require "json"
require "openssl"

# Returns nil if the webhook is genuine and recent; raises a RuntimeError if not. The key is the account's e-mail.
def verify(body, _headers, email)
  raise "The e-mail address is empty." if email.empty?

  begin
    case JSON.parse(body, symbolize_names: true)
    in { verifyInfo: { timeStr: Integer | String => timestamp, signature: String => signature } }
      timestamp = timestamp.to_s.b # bytes: text that is not valid UTF-8 would raise later
    end
  rescue JSON::ParserError, EncodingError, NoMatchingPatternError
    raise "The body is not JSON with verifyInfo.timeStr and verifyInfo.signature."
  end
  raise "The timestamp is not a number of seconds." unless timestamp.match?(/\A[0-9]{1,12}\z/)
  raise "The timestamp is more than 300 seconds off." if (Time.now.to_i - timestamp.to_i).abs > 300

  expected = OpenSSL::HMAC.hexdigest("SHA256", email, timestamp)
  raise "The signature does not match." unless OpenSSL.secure_compare(expected, signature)
end

// Verifies a webhook by its Standard Webhooks signature, which covers the id, the time and the whole body.
// net/http: the raw body is io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20)); headers are filled by
// for name := range r.Header { headers[strings.ToLower(name)] = r.Header.Get(name) }. Go 1.20 or later.

package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Verify returns nil if the webhook is genuine and recent.
func Verify(body []byte, headers map[string]string, secret string) error {
	encoded, found := strings.CutPrefix(secret, "whsec_")
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !found || err != nil || len(key) == 0 {
		return errors.New("the secret is not whsec_ followed by base64")
	}

	for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
		if headers[name] == "" {
			return fmt.Errorf("the header %s is missing", name)
		}
	}
	timestamp := headers["webhook-timestamp"]
	sent, err := strconv.ParseUint(timestamp, 10, 40)
	if err != nil {
		return errors.New("the timestamp is not a number of seconds")
	}
	if age := time.Now().Unix() - int64(sent); age > 300 || age < -300 {
		return errors.New("the timestamp is more than 300 seconds off")
	}

	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", headers["webhook-id"], timestamp, body)
	expected := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	// While a secret is being rotated the header contains two signatures; one match is enough.
	for _, signature := range strings.Split(headers["webhook-signature"], " ") {
		if hmac.Equal(expected, []byte(signature)) {
			return nil
		}
	}
	return errors.New("no signature matches")
}

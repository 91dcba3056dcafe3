"""Everything an operator can set, read from the environment (docs in README.md)."""

from pathlib import Path

from config import env, phones

BASE_DIR = Path(__file__).resolve().parent.parent
env.read_dotenv(BASE_DIR / ".env")

DATA_DIR = Path(env.text("DATA_DIR", str(BASE_DIR / "var"))).resolve()
try:
    DATA_DIR.mkdir(parents=True, exist_ok=True)
except OSError as error:
    raise env.Misconfigured(f"DATA_DIR {DATA_DIR} cannot be made: {error.strerror}.") from None

DEBUG = env.flag("DEBUG")
SECRET_KEY = env.secret_key("SECRET_KEY", DATA_DIR)
BIND = env.text("BIND", "127.0.0.1")
PORT = env.number("PORT", 8000, least=1)
PUBLIC_URL = env.public_url("PUBLIC_URL", f"http://localhost:{PORT}")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "*" if DEBUG else "localhost 127.0.0.1 [::1]") + [
    PUBLIC_URL.split("://")[1].split(":")[0].split("/")[0]
]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
TRUSTED_PROXIES = env.number("TRUSTED_PROXIES", 0, most=10)
EGRESS_ALLOW = env.words("EGRESS_ALLOW")
ENGINE_PERIOD = env.seconds("ENGINE_PERIOD", "1s")
WEB_WORKERS = env.number("WEB_WORKERS", 2, least=1, most=64)
REDIS_URL = env.redis("REDIS_URL")
WATCHDOG_URL = env.web_address("WATCHDOG_URL")
CANARY_USER = env.text("CANARY_USER")
CANARY_EVERY = env.seconds("CANARY_EVERY", "15m")
METRICS_TOKEN = env.text("METRICS_TOKEN")
STATUSPAGE_EXPORT = env.folder_or_bucket("STATUSPAGE_EXPORT")
STATUSPAGE_EXPORT_KEY = env.token("STATUSPAGE_EXPORT_KEY")
STATUSPAGE_EXPORT_SECRET = env.token("STATUSPAGE_EXPORT_SECRET")
BOUNCES_KEY = env.token("BOUNCES_KEY", r"[A-Za-z0-9_-]{16,200}")
ORGANISATION = env.text("ORGANISATION", "Muster")

INSTALLED_APPS = [
    "config.apps.ConfigConfig",  # first: its admin templates go before Django's
    "config.apps.PortalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "simple_history",
    "oncall.messaging",
    "oncall",
    "incidents",
    "statuspage",
    "postmortems",
]
MIDDLEWARE = [
    "config.middleware.SecurityHeaders",
    "config.middleware.WholeAddresses",
    "statuspage.edges.place.PageHost",
    "incidents.webhooks.Door",
    "oncall.api.quick.QuickAnswers",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.middleware.ViewersClock",
    "django.contrib.messages.middleware.MessageMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False  # a redirect loses the body of an alert; paths take both forms where it matters

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": env.database("DATABASE_URL", DATA_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
    }
}

# -- people ------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "oncall.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "admin:index"
HTTPS = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 7 * 24 * 3600
SECURE_CONTENT_TYPE_NOSNIFF = True
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SIMPLE_HISTORY_REVERT_DISABLED = True
SIMPLE_HISTORY_ENFORCE_HISTORY_MODEL_PERMISSIONS = False

# -- language and time -------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
USE_I18N = True
LOCALE_PATHS = [BASE_DIR / "statuspage" / "locale"]  # before Django's own: "History" is ours to translate
USE_TZ = True
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = "config.formats"

# -- files -------------------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)  # WhiteNoise warns of a folder that is not there
WHITENOISE_USE_FINDERS = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

# -- mail (without EMAIL_URL deliveries are kept, readable in the admin) -----------------------------------
_email = env.email("EMAIL_URL")
EMAIL_CONFIGURED = bool(_email)
EMAIL_HOST = _email.get("EMAIL_HOST", "")
EMAIL_PORT = _email.get("EMAIL_PORT", 25)
EMAIL_HOST_USER = _email.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = _email.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = _email.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _email.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
EMAIL_BACKEND = "oncall.messaging.mediums.smtp.Backend"  # Django's, with an end by the wall clock
DEFAULT_FROM_EMAIL = env.text(
    "EMAIL_FROM", f"muster@{PUBLIC_URL.split('://')[1].split(':')[0].split('/')[0]}"
)
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# -- text messages and calls (without either, contacts of these media cannot be used) ----------------------
TWILIO = phones.twilio()
SMS_GATEWAY = phones.gateway("SMS_GATEWAY")
VOICE_GATEWAY = phones.gateway("VOICE_GATEWAY")

# -- API ---------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "config.api.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["oncall.edges.rights.Rights"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.api.SafeJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "oncall.edges.api.CursorPages",
    "DEFAULT_FILTER_BACKENDS": [
        "django_filters.rest_framework.DjangoFilterBackend",
        "rest_framework.filters.SearchFilter",
    ],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.refusals.refuse",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Muster",
    "DESCRIPTION": "Incidents, on-call, the status page and post-mortems.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
}

# -- chat and push (docs/mediums.md; what has no settings is not offered) -----------------------------------
SLACK_BOT_TOKEN = env.token("SLACK_BOT_TOKEN", r"xox[a-z]-[A-Za-z0-9-]+")
SLACK_SIGNING_SECRET = env.token("SLACK_SIGNING_SECRET")
SLACK_API_URL = env.api_url("SLACK_API_URL", "https://slack.com/api")
MATTERMOST_URL = env.api_url("MATTERMOST_URL")
MATTERMOST_TOKEN = env.token("MATTERMOST_TOKEN")
MATRIX_URL = env.api_url("MATRIX_URL")
MATRIX_TOKEN = env.token("MATRIX_TOKEN")
TELEGRAM_BOT_TOKEN = env.token("TELEGRAM_BOT_TOKEN", r"[0-9]+:[A-Za-z0-9_-]+")
TELEGRAM_WEBHOOK_SECRET = env.token("TELEGRAM_WEBHOOK_SECRET", r"[A-Za-z0-9_-]{16,256}")
TELEGRAM_API_URL = env.api_url("TELEGRAM_API_URL", "https://api.telegram.org")
NTFY_URL = env.api_url("NTFY_URL")
NTFY_TOKEN = env.token("NTFY_TOKEN")
PUSHOVER_TOKEN = env.token("PUSHOVER_TOKEN", r"[A-Za-z0-9]{30}")
PUSHOVER_API_URL = env.api_url("PUSHOVER_API_URL", "https://api.pushover.net/1")
APPRISE_SCHEMAS = env.words("APPRISE_SCHEMAS")
env.together(MATTERMOST_URL=MATTERMOST_URL, MATTERMOST_TOKEN=MATTERMOST_TOKEN)
env.together(MATRIX_URL=MATRIX_URL, MATRIX_TOKEN=MATRIX_TOKEN)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "filters": {"discreet": {"()": "config.logs.Discreet"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["discreet"]}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
    # No mail to admins from inside a request: a dead relay would freeze the web server.
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        # Three lines for each tick of each line of the pulse would bury what matters.
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
    },
}

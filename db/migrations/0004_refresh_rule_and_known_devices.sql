CREATE TABLE "known_devices" (
	"user_id" uuid NOT NULL,
	"fingerprint" "bytea" NOT NULL,
	"noted_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "known_devices_user_id_fingerprint_pk" PRIMARY KEY("user_id","fingerprint")
);
--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "refresh_confirmed" boolean DEFAULT false NOT NULL;--> statement-breakpoint
-- A token of the time before counts as received, so that its predecessor is not good again.
UPDATE "sessions" SET "refresh_confirmed" = true WHERE "refresh_counter" > 0;--> statement-breakpoint
ALTER TABLE "known_devices" ADD CONSTRAINT "known_devices_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "known_devices_noted_at_idx" ON "known_devices" USING btree ("noted_at");
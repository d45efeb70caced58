{{ config(meta={'key': ['note_feature_key']}) }}

{{ mart_note_feature('ophthalmology') }}

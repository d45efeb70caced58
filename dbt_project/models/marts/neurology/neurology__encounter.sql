{{ config(meta={'key': ['encounter_key']}) }}

{{ mart_encounter('neurology') }}

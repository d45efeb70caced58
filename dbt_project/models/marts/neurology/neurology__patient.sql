{{ config(meta={'key': ['patient_key']}) }}

{{ mart_patient('neurology') }}
